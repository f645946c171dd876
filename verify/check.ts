/**
 * The checks of `./dev verify`, by name. Names are stable: tools, tests and alerts refer to them. `promise` is the
 * number in docs (0: the checker itself could not look), `unit` what a check counts when it passes.
 */
export const CHECKS = {
  reachable: { promise: 0, unit: "services", title: "every service answers" },

  "sale-readable": { promise: 0, unit: "sales", title: "every sale's keys in Redis are what they should be" },

  "rows-within-total": { promise: 1, unit: "rows", title: "no more coupons issued than the sale has" },
  "slots-within-total": { promise: 1, unit: "slots", title: "every slot lies in 1..total" },
  "one-per-user": { promise: 1, unit: "rows", title: "no user holds two coupons of one sale" },
  "slots-unique": { promise: 1, unit: "rows", title: "no slot belongs to two users in PostgreSQL" },
  "redis-slots-unique": { promise: 1, unit: "winners", title: "no slot belongs to two users in Redis" },
  "freed-once": { promise: 1, unit: "freed slots", title: "no freed slot is listed twice" },
  "freed-not-held": { promise: 1, unit: "freed slots", title: "no freed slot has a holder" },
  "slots-accounted": { promise: 1, unit: "slots", title: "every slot handed out is held or freed" },
  "nothing-withheld": { promise: 1, unit: "sales", title: "a sold-out sale issued all it has" },
  "row-known": { promise: 1, unit: "rows", title: "Redis knows every coupon that PostgreSQL holds" },
  "sale-known": { promise: 1, unit: "sales", title: "every coupon belongs to a sale" },
  "terms-agree": { promise: 1, unit: "sales", title: "Redis and PostgreSQL agree on the total and the end" },
  "epoch-agrees": { promise: 1, unit: "sales", title: "Redis and PostgreSQL agree on the epoch" },
  "sale-loaded": { promise: 1, unit: "sales", title: "every running sale is loaded in Redis" },
  "tombstone-holds-nothing": { promise: 1, unit: "winners", title: "no claim that was given up keeps a slot" },

  "winner-persisted": { promise: 2, unit: "winners", title: "every winner is persisted or pending" },
  "winner-agrees": { promise: 2, unit: "winners", title: "Redis and PostgreSQL agree on slot and request" },
  "issued-has-row": { promise: 2, unit: "statuses", title: "no user was told ISSUED without a coupon" },
  "failed-has-no-row": { promise: 2, unit: "statuses", title: "no user was told FAILED and holds the coupon" },
  "tombstone-final": { promise: 2, unit: "tombstones", title: "no claim that was given up is persisted" },
  "deferred-claims-move": { promise: 2, unit: "deferred claims", title: "every deferred claim is settled" },
  "revocations-move": { promise: 2, unit: "revocations", title: "every revocation is carried out" },
  "pending-decided": { promise: 2, unit: "requests", title: "every request of a queued sale is decided" },
  "ledger-moves": { promise: 2, unit: "ledger entries", title: "no accepted claim is stuck" },
  "lag-moves": { promise: 2, unit: "records behind", title: "every consumer group moves on" },
  "no-dead-letters": { promise: 2, unit: "dead letters", title: "no dead letter waits for an operator" },
  "dead-letters-move": { promise: 2, unit: "dead letters", title: "dead letters are sent again in time" },
  "order-persisted": { promise: 2, unit: "orders in the ledger", title: "every accepted order is persisted or young" },
  "order-ledger-moves": { promise: 2, unit: "orders in the ledger", title: "no persisted order stays in the ledger" },
  "order-told": { promise: 2, unit: "messages", title: "no user was told another end than their order has" },

  "one-row-per-request": { promise: 4, unit: "rows", title: "no request took effect twice" },
  "alias-resolves": { promise: 4, unit: "aliases", title: "every alias leads to a claim" },
  "one-effect-per-order": { promise: 4, unit: "orders", title: "nothing happened twice to an order" },

  "stock-balances": { promise: 5, unit: "products", title: "stock, reserved and sold are what came in" },
  "reservations-match": { promise: 5, unit: "orders", title: "reservations are what orders and their states say" },
  "sales-counted": { promise: 5, unit: "products", title: "what completed orders hold is counted as sold" },
  "points-balance": { promise: 5, unit: "balances", title: "every balance is the sum of its ledger" },
  "points-match": { promise: 5, unit: "orders", title: "every order took the points it says, or none" },
  "coupons-match": { promise: 5, unit: "used coupons", title: "every used coupon has its order, and the order it" },
  "payments-match": { promise: 5, unit: "payments", title: "every order is paid, or has its money back" },
  "provider-agrees": { promise: 5, unit: "payments", title: "the payment provider's books say the same" },
  "shipments-match": { promise: 5, unit: "orders", title: "completed orders are shipped, cancelled ones are not" },
  "amounts-add-up": { promise: 5, unit: "orders", title: "every order's amounts add up" },
  "sagas-agree": { promise: 5, unit: "orders", title: "every order is what its saga says" },
  "outcomes-agree": { promise: 5, unit: "steps", title: "every step did what the saga was told" },
  "orders-settle": { promise: 5, unit: "open orders", title: "no order is older than its time" },
  "compensations-end": { promise: 5, unit: "open orders", title: "no compensation is stuck" },
} as const;

export type CheckName = keyof typeof CHECKS;

/** One line of the report. `count` is the number of violations, `examined` how many things were looked at. */
export interface Check {
  readonly promise: number;
  readonly name: CheckName;
  readonly ok: boolean;
  readonly count: number;
  readonly detail: string;
  readonly examined: number;
  /** Something could not be compared now: the check has found nothing wrong, and has not looked at all of it. */
  readonly incomplete?: true;
  /** At most `MAX_EXAMPLES`, request ids where there is one. */
  readonly examples: readonly string[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export const MAX_EXAMPLES = 10;

/** What went wrong, one entry per violation; empty means that the check passed. */
export interface CheckResult {
  readonly name: CheckName;
  readonly violations: readonly string[];
  readonly examined: number;
  /** Said instead of the standing sentence. */
  readonly note?: string | undefined;
  /** Something could not be compared now; the note says what. */
  readonly incomplete?: boolean;
  /** Violations beyond the listed ones (an excess of 500 rows needs no 500 strings). */
  readonly more?: number | undefined;
}

/** Makes a verdict a line of the report. */
export function toCheck(verdict: CheckResult): Check {
  const { promise, unit, title } = CHECKS[verdict.name];
  const count = verdict.violations.length + (verdict.more ?? 0);
  const looked = `${verdict.examined} ${unit}`;
  return {
    promise,
    name: verdict.name,
    ok: count === 0,
    count,
    detail: verdict.note ?? (count === 0 ? `${title} (${looked})` : `violated: ${title} (${count} of ${looked})`),
    examined: verdict.examined,
    ...(verdict.incomplete ? { incomplete: true } : {}),
    examples: verdict.violations.slice(0, MAX_EXAMPLES),
  };
}

/** Adds up the verdicts on several sales: one line per check name, in the order of `CHECKS`. */
export function mergeVerdicts(all: readonly CheckResult[]): Check[] {
  const byName = new Map<CheckName, CheckResult>();
  for (const verdict of all) {
    const before = byName.get(verdict.name);
    byName.set(verdict.name, before === undefined ? verdict : joined(before, verdict));
  }
  const order = Object.keys(CHECKS) as CheckName[];
  return order.filter((name) => byName.has(name)).map((name) => toCheck(byName.get(name)!));
}

function joined(a: CheckResult, b: CheckResult): CheckResult {
  const notes = [a.note, b.note].filter((note) => note !== undefined);
  const violations = [...a.violations, ...b.violations];
  return {
    name: a.name,
    // Ten of each kind are enough for the report; the rest is counted.
    violations: violations.slice(0, 100),
    more: (a.more ?? 0) + (b.more ?? 0) + Math.max(0, violations.length - 100),
    examined: a.examined + b.examined,
    incomplete: a.incomplete || b.incomplete || false,
    note: notes.length === 0 ? undefined : notes.slice(0, 5).join("; "),
  };
}

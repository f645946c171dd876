import { type Check, type CheckName, type CheckResult, mergeVerdicts } from "./check.ts";
import type { SaleFacts, StoredCoupon, StoredWinner } from "./facts.ts";
import { held, type Indexed, indexFacts } from "./index-facts.ts";

/** Judges one sale. Pure: the same facts give the same checks. */
export function checkSale(facts: SaleFacts): Check[] {
  return mergeVerdicts(judgeSale(facts));
}

/** As `checkSale`, before the verdicts of several sales are added up. */
export function judgeSale(facts: SaleFacts): CheckResult[] {
  const known = indexFacts(facts);
  const verdicts = [...rowsAlone(facts, known), ...availability(facts)];
  if (isLoaded(facts)) verdicts.push(...redisAgainstRows(facts, known), ...slotAccounts(facts, known));
  return verdicts;
}

/** While a sale is fenced or being rebuilt, Redis may know less than PostgreSQL, so the two are not compared. */
export function isLoaded({ redis, sale }: Pick<SaleFacts, "redis" | "sale">): boolean {
  return redis !== null && redis.state !== "RECOVERING" && sale.loadState === "LOADED";
}

/** What must hold in PostgreSQL without regard to Redis. */
function rowsAlone({ sale, counts, examined, aliases }: SaleFacts, known: Indexed): CheckResult[] {
  const rows = examined.rows;
  const excess = Math.max(0, counts.active - sale.total);
  const outside = known.active.filter((row) => !within(row.slot, sale.total)).map((row) => row.requestId);
  const twice = (groups: Iterable<StoredCoupon[]>) =>
    [...groups].flatMap((group) => group.slice(1).map((row) => row.requestId));
  const aliased = aliases.filter((alias) => known.activeByRequest.has(alias.requestId)).map((a) => a.requestId);
  const tombstones = [...known.revoked].filter((requestId) => known.activeByRequest.has(requestId));
  const astray = aliases.filter((alias) => !known.requests.has(alias.originalRequestId)).map((a) => a.requestId);
  return [
    {
      name: "rows-within-total",
      violations: excess === 0 ? [] : [`sale ${sale.couponId}: ${counts.active} rows, ${sale.total} coupons`],
      more: Math.max(0, excess - 1),
      examined: rows,
    },
    verdict("slots-within-total", outside, rows),
    verdict("one-per-user", twice(known.activeByUser.values()), rows),
    verdict("slots-unique", twice(known.activeBySlot.values()), rows),
    verdict("one-row-per-request", [...twice(known.activeByRequest.values()), ...aliased], rows),
    verdict("tombstone-final", tombstones, examined.tombstones),
    verdict("alias-resolves", astray, examined.aliases),
  ];
}

/** Whether the sale is loaded, and its ledger moves. A sale in recovery is mentioned and is no violation: it answers 503 meanwhile. */
function availability({ sale, redis, ledger, stuckMs, nowMs }: SaleFacts): CheckResult[] {
  const ended = sale.state === "CLOSED" || sale.endsAtMs <= nowMs;
  const loading = sale.loadState !== "LOADED" || redis?.state === "RECOVERING";
  const missing = redis === null && !loading && !ended;
  const stuck = stuckMs === null ? [] : ledger.filter((entry) => entry.ageMs > stuckMs).map((e) => e.requestId);
  const why = redis === null ? "not in Redis" : redis.state;
  return [
    {
      name: "sale-loaded",
      violations: missing ? [`sale ${sale.couponId}`] : [],
      examined: 1,
      note: loading && !ended ? `sale ${sale.couponId} is ${sale.loadState} (${why}): not compared` : undefined,
      incomplete: loading && !ended,
    },
    verdict("ledger-moves", stuck, redis?.ledger ?? 0),
  ];
}

/** Redis's winners and statuses against the rows. Only for a loaded sale. */
function redisAgainstRows(facts: SaleFacts, known: Indexed): CheckResult[] {
  const { sale, redis, winners, statuses, examined } = facts;
  const named = nameIn(sale);
  const at = (what: string) => `sale ${sale.couponId}: ${what}`;
  const astray = winners.filter((winner) => !isPending(winner, known) && !facts.revoking.has(winner.requestId));
  const isBuried = ({ requestId }: StoredWinner) =>
    known.revoked.has(requestId) && !known.activeByRequest.has(requestId);
  const buried = astray.filter(isBuried);
  const lost = astray.filter((winner) => !isSettled(winner, known) && !isBuried(winner));
  const differ = astray.filter((winner) => isSettled(winner, known) && !agrees(winner, known) && !isBuried(winner));
  const unknown = known.active.filter((row) => !known.winnerByUser.has(row.userId));
  const told = [...statuses];
  const issued = told
    .filter(([id, text]) => text.startsWith("ISSUED") && !known.resolves(id) && !facts.revoking.has(id))
    .map(([id]) => id);
  const failed = told
    .filter(([id, text]) => text.startsWith("FAILED") && known.activeByRequest.has(id))
    .map(([id]) => id);
  const differentTerms =
    redis!.total === sale.total ? [] : [at(`${redis!.total} in Redis, ${sale.total} in PostgreSQL`)];
  if (redis!.endsAtMs !== sale.endsAtMs) {
    differentTerms.push(at(`ends at ${redis!.endsAtMs} in Redis, at ${sale.endsAtMs} in PostgreSQL`));
  }
  const differentEpoch =
    redis!.epoch === sale.epoch ? [] : [at(`${redis!.epoch} in Redis, ${sale.epoch} in PostgreSQL`)];
  return [
    verdict("tombstone-holds-nothing", buried.map(named), redis!.winners),
    verdict("winner-persisted", lost.map(named), redis!.winners),
    verdict("winner-agrees", differ.map(named), redis!.winners),
    verdict(
      "row-known",
      unknown.map((row) => row.requestId),
      examined.rows,
    ),
    verdict("issued-has-row", issued, examined.statuses),
    verdict("failed-has-no-row", failed, examined.statuses),
    verdict("terms-agree", differentTerms, 1),
    verdict("epoch-agrees", differentEpoch, 1),
  ];
}

/** The slots: none out of range, none twice, none forgotten. Only for a loaded sale. */
function slotAccounts(facts: SaleFacts, known: Indexed): CheckResult[] {
  const { sale, counts } = facts;
  const redis = facts.redis!;
  const named = nameIn(sale);
  const outside = facts.winners.filter((winner) => !within(winner.slot, sale.total));
  // One beyond `next` is named by slots-accounted.
  const unusable = facts.freed.filter((slot) => slot === null || slot < 1);
  const doubled = [...known.winnersBySlot.values()].flatMap((group) => group.slice(1).map(named));
  const seen = new Set(facts.freed);
  const repeated = facts.freed.filter((slot, index) => facts.freed.indexOf(slot) !== index);
  const taken = [...seen].filter(
    (slot) => slot !== null && (known.winnersBySlot.has(slot) || known.activeBySlot.has(slot)),
  );
  const forgotten = [...facts.slots].filter((slot) => slot <= redis.next && !seen.has(slot) && !held(slot, known));
  const ahead = [...known.winnersBySlot.keys(), ...seen].filter((slot) => slot !== null && slot > facts.nextAfter);
  const soldOut = redis.next >= redis.total && redis.freed === 0;
  const issued = counts.active + counts.pending;
  const withheld = soldOut ? Math.max(0, sale.total - issued) : 0;
  const slotOf = (slot: number | null) => `sale ${sale.couponId}: slot ${slot}`;
  const beyond = redis.next > sale.total ? [`sale ${sale.couponId}: next is ${redis.next} of ${sale.total}`] : [];
  return [
    verdict(
      "slots-within-total",
      [...outside.map(named), ...unusable.map((slot) => `sale ${sale.couponId}: freed slot ${slot ?? "unreadable"}`)],
      redis.winners,
    ),
    verdict("redis-slots-unique", doubled, redis.winners),
    verdict("freed-once", repeated.map(slotOf), redis.freed),
    verdict("freed-not-held", taken.map(slotOf), redis.freed),
    verdict("slots-accounted", [...beyond, ...forgotten.map(slotOf), ...ahead.map(slotOf)], redis.next),
    {
      name: "nothing-withheld",
      violations: withheld === 0 ? [] : [`sale ${sale.couponId}: sold out with ${issued} of ${sale.total}`],
      more: Math.max(0, withheld - 1),
      examined: 1,
    },
  ];
}

const verdict = (name: CheckName, violations: readonly string[], examined: number): CheckResult => ({
  name,
  violations,
  examined,
});
const within = (slot: number | null, total: number) => slot !== null && slot >= 1 && slot <= total;
/** With the sale: what stands in Redis may be anything, and a user may have won in many sales. */
const nameIn =
  ({ couponId }: SaleFacts["sale"]) =>
  (winner: StoredWinner) =>
    `sale ${couponId}: ${winner.requestId || `user ${winner.userId}`}`;
const isSettled = (winner: StoredWinner, known: Indexed) => known.activeByUser.has(winner.userId);
const isPending = (winner: StoredWinner, known: Indexed) => known.pending.has(winner.requestId);
const agrees = (winner: StoredWinner, known: Indexed) =>
  known.activeByUser.get(winner.userId)!.some((row) => row.slot === winner.slot && row.requestId === winner.requestId);

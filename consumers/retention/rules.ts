import type { ExpiredRows } from "../../db/retention/expired-rows.ts";
import type { RetentionEnvironment } from "./environment.ts";

export type RetentionSetting = keyof typeof RetentionEnvironment;

/** One kind of thing that does not stay for ever. */
export interface RetentionRule {
  /** Label of the metrics, and the name in `./dev retention`. */
  readonly kind: string;
  readonly what: string;
  /** When it goes, following the setting's time. */
  readonly when: string;
  /** Why it may go then, and why it is kept until then. */
  readonly why: string;
  readonly setting: RetentionSetting;
}

export interface RowRule extends RetentionRule {
  readonly rows: ExpiredRows;
}

/** Its sale has left Redis: nothing of it can be decided any more, and Kafka (7 days) holds nothing of it either. */
const saleIsGone: ExpiredRows["condition"] = (sql, days) => sql`
  EXISTS (SELECT FROM coupons c WHERE c.id = t.coupon_id AND c.left_redis_at < now() - make_interval(days => ${days}))`;

/** Rows of PostgreSQL that go. Nothing here is needed by a promise or by `./dev verify` when it goes. */
export const ROW_RULES: readonly RowRule[] = [
  {
    kind: "refused-requests",
    what: "`refused_requests`: what a queued sale refused",
    when: "after the sale has left Redis",
    why: "a record that is delivered again must be refused again, which the ended sale does without this row; after that a status request gets 404",
    setting: "RETENTION_REQUESTS_DAYS",
    rows: { table: "refused_requests", age: "refused_at", condition: saleIsGone },
  },
  {
    kind: "request-aliases",
    what: "`request_aliases`: second requests of a winner",
    when: "after the sale has left Redis",
    why: "the win itself stays, and answers for every request of its owner",
    setting: "RETENTION_REQUESTS_DAYS",
    rows: { table: "request_aliases", age: "created_at", condition: saleIsGone },
  },
  {
    kind: "operator-keys",
    what: "`operator_requests`: Idempotency-Keys of operators' calls",
    when: "after the call",
    why: "a repeat must change nothing as long as a client may repeat the call",
    setting: "RETENTION_OPERATOR_KEYS_DAYS",
    rows: { table: "operator_requests", age: "at", condition: (sql) => sql`true` },
  },
  {
    kind: "dead-letters",
    what: "`dead_letters` that are REPUBLISHED or DISCARDED",
    when: "after their last change",
    why: "they ended; a letter that is PENDING or EXHAUSTED stays until it ends or an operator discards it",
    setting: "RETENTION_DEAD_LETTERS_DAYS",
    rows: {
      table: "dead_letters",
      age: "updated_at",
      condition: (sql) => sql`t.status IN ('REPUBLISHED', 'DISCARDED')`,
    },
  },
  {
    kind: "payment-tokens",
    what: "the token in `payments.token` and `orders.payment` of settled orders (emptied; the rows stay)",
    when: "after the payment was requested",
    why: "no further charge follows: a refund uses the order's id, and a token that can charge a card should not be kept",
    setting: "RETENTION_TOKENS_DAYS",
    rows: {
      table: "payments",
      age: "created_at",
      among: (sql) => sql`t.token <> ''`,
      ordersFirst: true,
      condition: (sql, days) => sql`t.lease_owner IS NULL AND NOT t.check_wanted
        AND (t.status IN ('DECLINED', 'VOIDED', 'REFUNDED') OR (t.status = 'CAPTURED' AND NOT t.return_wanted))
        AND EXISTS (SELECT FROM orders o WHERE o.id = t.order_id AND o.settled_at < now() - make_interval(days => ${days}))`,
      change: (sql) => sql`token = ''`,
      also: (sql) => sql`
        UPDATE orders o SET payment = NULL FROM gone WHERE o.id = gone.order_id AND o.payment IS NOT NULL RETURNING o.id`,
    },
  },
  {
    kind: "order-sagas",
    what: "`order_sagas` of settled orders, and of requests to cancel an order that never came",
    when: "after the order was placed, and after its last change",
    why: "order, lines, outcomes, money and stock stay; Kafka has no event of the order left that needs an answer",
    setting: "RETENTION_SAGAS_DAYS",
    rows: {
      table: "order_sagas",
      age: "created_at",
      condition: (sql, days) => sql`t.due_at IS NULL AND t.updated_at < now() - make_interval(days => ${days})
        AND NOT EXISTS (SELECT FROM delayed_commands d WHERE d.order_id = t.order_id)
        AND (t.settle_by IS NULL
          OR EXISTS (SELECT FROM orders o WHERE o.id = t.order_id AND o.settled_at < now() - make_interval(days => ${days})))`,
      also: (sql) => sql`
        UPDATE orders o SET payment = NULL, saga_taken_at = now() FROM gone WHERE o.id = gone.order_id RETURNING o.id`,
    },
  },
  {
    kind: "parked-commands",
    what: "`delayed_commands` of orders that settled without them",
    when: "after the order settled",
    why: "its step has an outcome, so the command could only repeat that answer",
    setting: "RETENTION_COMMANDS_DAYS",
    rows: {
      table: "delayed_commands",
      age: "due_at",
      condition: (sql, days) => sql`
        EXISTS (SELECT FROM orders o WHERE o.id = t.order_id AND o.settled_at < now() - make_interval(days => ${days}))
        AND EXISTS (SELECT FROM step_outcomes s WHERE s.order_id = t.order_id AND s.step = t.step)`,
    },
  },
];

/** What does not go row by row. */
export const OTHER_RULES: readonly RetentionRule[] = [
  {
    kind: "ended-sales",
    what: "Redis' keys of a sale: `:sale :winners :freed :ledger :status :asked`",
    when: "after the sale's end",
    why: "only when its ledger is empty, PostgreSQL has as many winners and no request of a queued sale waits; from then on PostgreSQL answers",
    setting: "SALE_KEEP_HOURS",
  },
  {
    kind: "audit-log",
    what: "`audit_log`, whole months",
    when: "by `./dev db partitions --drop`, run by the tables' owner",
    why: "who did what is evidence: no role deletes a line of it",
    setting: "RETENTION_AUDIT_MONTHS",
  },
  {
    kind: "events",
    what: "`events`, whole months",
    when: "by `./dev db partitions --drop`, run by the tables' owner",
    why: "the event store is append-only",
    setting: "RETENTION_EVENTS_MONTHS",
  },
];

/** Every table of the schema that no rule is about, with the reason why it may grow or cannot. */
export const KEPT_TABLES: Readonly<Record<string, string>> = {
  coupons: "a row per sale",
  user_coupons: "the wins and the tombstones: promises 1 and 2",
  revocations: "a row per revoked claim: `GET /me/coupons` shows the owner the slot that it had",
  deferred_claims: "each leaves when its sale has decided it again",
  products: "orders point at them",
  stock_movements: "with the reservations they prove the stock",
  stock_reservations: "they prove the stock, and what each order took",
  product_sales: "a row per product and day; the rankings are counted from them",
  carts: "a row per customer",
  cart_items: "the customer's own, limited per cart",
  orders: "business records",
  order_items: "business records",
  shipments: "business records, one per order",
  step_outcomes: "what arbitrates a step that is delivered again, and tells an old order's steps",
  point_balances: "a row per customer",
  point_ledger: "it proves the balances",
  settings: "a row per choice",
};

/** Tables that lose something by a rule: `payments` only its tokens, the last two whole months. */
export const RULED_TABLES: readonly string[] = [...ROW_RULES.map(({ rows }) => rows.table), "audit_log", "events"];

/** Keys of Redis by the function or constant of lua/keys.ts that makes them, and what ends them. */
export const REDIS_KEYS: Readonly<Record<string, string>> = {
  saleKeys:
    "role `retention`, when the sale is over (`ended-sales`); `:status` and `:asked` also expire after a month without news",
  shadowKeys: "they expire 10 minutes after a loader's last word",
  userKeys: "inbox and route expire after a day without news",
  orderLedgerKey: "entries leave when PostgreSQL has the order",
  pendingOrderKey: "leaves with its entry",
  placedKey: "expires a minute after PostgreSQL has the order, else 8 days after it was placed",
  openOrdersKey: "each order leaves when PostgreSQL has it; expires 8 days after the user's last order",
  cartOrdersKey: "expires with the order that took the cart",
  cancelKey: "expires after a day",
  INBOX_GENERATION_KEY: "one key",
  SETTLE_TIMES_KEY: "one key",
  ADMISSION_KEYS: "as large as the flash products and the orders that hold them",
  rankingKeys: "they expire",
};

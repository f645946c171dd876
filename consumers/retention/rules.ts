import { ALIAS, LETTER, ORDER, OUTCOME, PARKED, PAYMENT, REFUSAL, SAGA, SALE } from "../../db/names.ts";
import { type ExpiredRows, rowsOf } from "../../db/retention/expired-rows.ts";
import {
  deadLetters,
  delayedCommands,
  operatorRequests,
  orderSagas,
  payments,
  refusedRequests,
  requestAliases,
} from "../../db/schema.ts";
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
const saleIsGone =
  ({ couponId }: typeof REFUSAL | typeof ALIAS): ExpiredRows["condition"] =>
  (sql, days) =>
    sql`
    EXISTS (SELECT FROM ${SALE.table} c
            WHERE c.${SALE.id} = t.${couponId} AND c.${SALE.leftRedisAt} < now() - make_interval(days => ${days}))`;
/** The order of a row has been settled for long enough. */
const orderIsSettled =
  ({ orderId }: typeof PAYMENT | typeof SAGA | typeof PARKED): ExpiredRows["condition"] =>
  (sql, days) =>
    sql`
    EXISTS (SELECT FROM ${ORDER.table} o
            WHERE o.${ORDER.id} = t.${orderId} AND o.${ORDER.settledAt} < now() - make_interval(days => ${days}))`;

/** Rows of PostgreSQL that go. Nothing here is needed by a promise or by `./dev verify` when it goes. */
export const ROW_RULES: readonly RowRule[] = [
  {
    kind: "refused-requests",
    what: "`refused_requests`: what a queued sale refused",
    when: "after the sale has left Redis",
    why: "a record that is delivered again must be refused again, which the ended sale does without this row; after that a status request gets 404",
    setting: "RETENTION_REQUESTS_DAYS",
    rows: { ...rowsOf(refusedRequests, "refusedAt"), condition: saleIsGone(REFUSAL) },
  },
  {
    kind: "request-aliases",
    what: "`request_aliases`: second requests of a winner",
    when: "after the sale has left Redis",
    why: "the win itself stays, and answers for every request of its owner",
    setting: "RETENTION_REQUESTS_DAYS",
    rows: { ...rowsOf(requestAliases, "createdAt"), condition: saleIsGone(ALIAS) },
  },
  {
    kind: "operator-keys",
    what: "`operator_requests`: Idempotency-Keys of operators' calls",
    when: "after the call",
    why: "a repeat must change nothing as long as a client may repeat the call",
    setting: "RETENTION_OPERATOR_KEYS_DAYS",
    rows: { ...rowsOf(operatorRequests, "at"), condition: (sql) => sql`true` },
  },
  {
    kind: "dead-letters",
    what: "`dead_letters` that are REPUBLISHED or DISCARDED",
    when: "after their last change",
    why: "they ended; a letter that is PENDING or EXHAUSTED stays until it ends or an operator discards it",
    setting: "RETENTION_DEAD_LETTERS_DAYS",
    rows: {
      ...rowsOf(deadLetters, "updatedAt"),
      condition: (sql) => sql`t.${LETTER.status} IN ('REPUBLISHED', 'DISCARDED')`,
    },
  },
  {
    kind: "payment-tokens",
    what: "the token in `payments.token` and `orders.payment` of settled orders (emptied; the rows stay)",
    when: "after the payment was requested",
    why: "no further charge follows: a refund uses the order's id, and a token that can charge a card should not be kept",
    setting: "RETENTION_TOKENS_DAYS",
    rows: {
      ...rowsOf(payments, "createdAt"),
      among: (sql) => sql`t.${PAYMENT.token} <> ''`,
      ordersFirst: true,
      condition: (sql, days) => sql`t.${PAYMENT.leaseOwner} IS NULL AND NOT t.${PAYMENT.checkWanted}
        AND (t.${PAYMENT.status} IN ('DECLINED', 'VOIDED', 'REFUNDED')
          OR (t.${PAYMENT.status} = 'CAPTURED' AND NOT t.${PAYMENT.returnWanted}))
        AND ${orderIsSettled(PAYMENT)(sql, days)}`,
      change: (sql) => sql`${PAYMENT.token} = ''`,
      also: (sql) => sql`
        UPDATE ${ORDER.table} o SET ${ORDER.payment} = NULL FROM gone
        WHERE o.${ORDER.id} = gone.${PAYMENT.orderId} AND o.${ORDER.payment} IS NOT NULL RETURNING o.${ORDER.id}`,
    },
  },
  {
    kind: "order-sagas",
    what: "`order_sagas` of settled orders, and of requests to cancel an order that never came",
    when: "after the order was placed, and after its last change",
    why: "order, lines, outcomes, money and stock stay; Kafka has no event of the order left that needs an answer",
    setting: "RETENTION_SAGAS_DAYS",
    rows: {
      ...rowsOf(orderSagas, "createdAt"),
      condition: (sql, days) => sql`t.${SAGA.dueAt} IS NULL
        AND t.${SAGA.updatedAt} < now() - make_interval(days => ${days})
        AND NOT EXISTS (SELECT FROM ${PARKED.table} d WHERE d.${PARKED.orderId} = t.${SAGA.orderId})
        AND (t.${SAGA.settleBy} IS NULL OR ${orderIsSettled(SAGA)(sql, days)})`,
      also: (sql) => sql`
        UPDATE ${ORDER.table} o SET ${ORDER.payment} = NULL, ${ORDER.sagaTakenAt} = now() FROM gone
        WHERE o.${ORDER.id} = gone.${SAGA.orderId} RETURNING o.${ORDER.id}`,
    },
  },
  {
    kind: "parked-commands",
    what: "`delayed_commands` of orders that settled without them",
    when: "after the order settled",
    why: "its step has an outcome, so the command could only repeat that answer",
    setting: "RETENTION_COMMANDS_DAYS",
    rows: {
      ...rowsOf(delayedCommands, "dueAt"),
      condition: (sql, days) => sql`${orderIsSettled(PARKED)(sql, days)}
        AND EXISTS (SELECT FROM ${OUTCOME.table} s
                    WHERE s.${OUTCOME.orderId} = t.${PARKED.orderId} AND s.${OUTCOME.step} = t.${PARKED.step})`,
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
  blocks: "a row goes when its block has ended or is ended by an operator; at most 100,000",
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

import { Type } from "@sinclair/typebox";

const days = (fallback: number, minimum: number, what: string) =>
  Type.Integer({ default: fallback, minimum, maximum: 36_500, description: `Days that ${what}` });
/**
 * Kafka can deliver a record again for as long as its topic keeps it (contracts/topics.ts). What proves that the record was
 * handled before must be kept longer: requests and their outcomes stay in their topics for 7 days, dead letters and events of orders for 30.
 */
const OUTLIVES_REQUESTS = 8;
const OUTLIVES_EVERY_TOPIC = 31;
const months = (what: string) =>
  Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_200,
    description: `Whole months of \`${what}\` that \`./dev db partitions --drop\` keeps; 0: all`,
  });

/** How long things are kept; docs/operations.md has the table of what and why. */
export const RetentionEnvironment = {
  SALE_KEEP_HOURS: Type.Integer({
    default: 168,
    minimum: 1,
    maximum: 8_760,
    description: "How long after its end a sale is kept in Redis and its ledger is read",
  }),
  RETENTION_EVERY_S: Type.Integer({
    default: 3_600,
    minimum: 0,
    maximum: 86_400,
    description: "Between two rounds of role `retention`; 0: it deletes nothing",
  }),
  RETENTION_REQUESTS_DAYS: days(
    30,
    OUTLIVES_REQUESTS,
    "refused requests and second requests are known after their sale has left Redis (at least 8)",
  ),
  RETENTION_OPERATOR_KEYS_DAYS: days(30, 1, "an operator's Idempotency-Key is remembered (at least 1)"),
  RETENTION_DEAD_LETTERS_DAYS: days(
    90,
    OUTLIVES_EVERY_TOPIC,
    "dead letters are kept that were sent again or discarded (at least 31: their topics keep them for 30)",
  ),
  RETENTION_TOKENS_DAYS: days(1, 0, "the token of a settled payment is kept"),
  RETENTION_SAGAS_DAYS: days(
    35,
    OUTLIVES_EVERY_TOPIC,
    "the saga of a settled order is kept (at least 31: Kafka keeps its events for 30)",
  ),
  RETENTION_COMMANDS_DAYS: days(7, 0, "a parked command stays whose order has settled without it"),
  RETENTION_AUDIT_MONTHS: months("audit_log"),
  RETENTION_EVENTS_MONTHS: months("events"),
} as const;

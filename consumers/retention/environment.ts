import { Type } from "@sinclair/typebox";

const days = (fallback: number, what: string) =>
  Type.Integer({ default: fallback, minimum: 0, maximum: 36_500, description: `Days that ${what}` });
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
  RETENTION_REQUESTS_DAYS: days(30, "refused requests and second requests are known after their sale has left Redis"),
  RETENTION_OPERATOR_KEYS_DAYS: days(30, "an operator's Idempotency-Key is remembered"),
  RETENTION_DEAD_LETTERS_DAYS: days(90, "dead letters are kept that were sent again or discarded"),
  RETENTION_REVOCATIONS_DAYS: days(365, "a revocation that was carried out is kept"),
  RETENTION_TOKENS_DAYS: days(1, "the token of a settled payment is kept"),
  RETENTION_SAGAS_DAYS: days(35, "the saga of a settled order is kept; longer than Kafka keeps any of its events (30)"),
  RETENTION_COMMANDS_DAYS: days(7, "a parked command stays whose order has settled without it"),
  RETENTION_AUDIT_MONTHS: months("audit_log"),
  RETENTION_EVENTS_MONTHS: months("events"),
} as const;

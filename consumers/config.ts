import { type Static, Type } from "@sinclair/typebox";
import { chosenBy, type ModeSetting, modeSettingOf, SagaEnvironment } from "../contracts/orders/saga-mode.ts";
import {
  CarrierEnvironment,
  countriesServed,
  ShippingEnvironment,
  type ShippingTerms,
} from "../contracts/orders/shipping.ts";
import { bareHost } from "../contracts/wire/address.ts";
import {
  Address,
  ForeignSecret,
  parseProperties,
  readEnvironment,
  SharedEnvironment,
} from "../contracts/wire/environment.ts";
import { RetentionEnvironment } from "./retention/environment.ts";
import { isRoleName, ROLE_NAMES, type RoleName } from "./role-names.ts";

const integer = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: fallback, minimum, maximum, description });

/** Every variable the consumers know; README's table is generated from it. */
export const ConsumersEnvironment = Type.Object({
  ...SharedEnvironment,
  ROLES: Type.String({
    default: "",
    description: `Roles of this process, comma-separated; empty: all (${ROLE_NAMES.join(", ")})`,
  }),
  CONSUMERS_HOST: Type.String({ default: "127.0.0.1", description: "Address of health and metrics" }),
  CONSUMERS_PORT: integer(8081, 0, 65_535, "Port of health and metrics; 0 takes any"),
  DATABASE_CONNECTIONS: integer(
    12,
    4,
    1_000,
    "PostgreSQL connections for the work of this process at most; leases have a separate pool of 16",
  ),
  RETRY_PAUSE_MS: integer(2_000, 10, 60_000, "Between the tries of a batch that failed"),
  LEDGER_AGE_MS: integer(5_000, 0, 3_600_000, "How old a ledger entry must be before the relay settles it"),
  RELAY_EVERY_MS: integer(500, 10, 60_000, "Between two rounds of the relay over all ledgers"),
  LOADER_EVERY_MS: integer(1_000, 10, 60_000, "Between two looks of the loader at all sales"),
  ...SagaEnvironment,
  ORDER_SETTLE_S: integer(900, 1, 86_400, "When the silent steps of an order are given up and it is compensated"),
  ORDER_SWEEP_MS: integer(30_000, 100, 600_000, "How long an order waits before its silent steps are asked again"),
  SWEEPER_EVERY_MS: integer(1_000, 10, 60_000, "Between two looks of the sweeper for orders that wait too long"),
  ...ShippingEnvironment,
  ...CarrierEnvironment,
  PAYMENT_PROVIDER_URL: Address("http-address", {
    default: "http://127.0.0.1:8082",
    description: "The payment provider; default the simulator",
  }),
  PAYMENT_PROVIDER_KEY: ForeignSecret({ default: "", description: "Sent to the provider as a bearer token" }),
  PAYMENT_TIMEOUT_MS: integer(5_000, 50, 120_000, "How long a call to the payment provider may take"),
  PAYMENT_RETRY_MS: integer(1_000, 10, 60_000, "Before a payment without an answer is asked for; doubles to a minute"),
  PAYMENT_CONCURRENCY: integer(64, 1, 10_000, "Calls to the payment provider at once; slow ones give up their place"),
  PAYMENT_BREAKER_MS: integer(10_000, 10, 300_000, "Between two tries of a payment provider that is ill"),
  DEAD_LETTER_RETRY_MS: integer(300_000, 100, 86_400_000, "Between two automatic retries of a dead letter"),
  DEAD_LETTER_ATTEMPTS: integer(5, 0, 1_000, "How often a dead letter is retried automatically; then operators must"),
  ...RetentionEnvironment,
  SHUTDOWN_GRACE_MS: integer(10_000, 0, 300_000, "How long a shutdown waits for running batches"),
});
export type ConsumersEnvironment = Static<typeof ConsumersEnvironment>;

export interface ConsumersConfig extends ConsumersEnvironment {
  readonly roles: readonly RoleName[];
  readonly sagaMode: ModeSetting;
  readonly kafkaProperties: Record<string, string>;
  readonly delivery: ShippingTerms;
}

/**
 * The process's environment, read once. `roles` (from the command line) wins over ROLES.
 * @throws Error with one line per wrong variable
 */
export function readConfig(environment: Record<string, string | undefined>, roles?: string): ConsumersConfig {
  const env = readEnvironment(ConsumersEnvironment, environment);
  const wanted = (roles ?? env.ROLES)
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const wrong = wanted.find((name) => !isRoleName(name));
  if (wrong !== undefined) throw new Error(`There is no role ${wrong}; roles are ${ROLE_NAMES.join(", ")}.`);
  return {
    ...env,
    roles: wanted.length === 0 ? ROLE_NAMES : (wanted as RoleName[]),
    sagaMode: modeSettingOf(chosenBy(env)),
    CONSUMERS_HOST: bareHost(env.CONSUMERS_HOST),
    kafkaProperties: parseProperties(env.KAFKA_PROPERTIES),
    delivery: { countries: countriesServed(env), simulateRefusal: env.SHIPPING_SIMULATE_REFUSAL },
  };
}

import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { PIPELINE_TEXT, type PipelineChoice, parsePipeline, redisPercent } from "../contracts/claims/pipeline.ts";
import { v1Key } from "../contracts/claims/receipt.ts";
import { parseReceiptKeys, type ReceiptKey } from "../contracts/claims/receipt-keys.ts";
import { SagaEnvironment } from "../contracts/orders/saga-mode.ts";
import { countriesServed, ShippingEnvironment } from "../contracts/orders/shipping.ts";
import { bareHost } from "../contracts/wire/address.ts";
import {
  invalidEnvironment,
  parseProperties,
  readEnvironment,
  Secret,
  SharedEnvironment,
} from "../contracts/wire/environment.ts";
import type { SecretValue } from "../contracts/wire/secret.ts";
import { type AuthConfig, AuthEnvironment, authConfigOf } from "./auth/environment.ts";
import { whyKeysCannotSign } from "./claims/receipt.ts";
import { Networks } from "./http/ip-address.ts";

const integer = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: fallback, minimum, maximum, description });

/** Every variable the gateway knows; README's table is generated from it. */
export const GatewayEnvironment = Type.Object({
  ...SharedEnvironment,
  ...AuthEnvironment,
  RECEIPT_KEYS_FILE: Type.String({
    minLength: 1,
    description: "File of the keys that sign receipts, required; `./dev receipt key` makes one (docs/receipts.md)",
  }),
  RECEIPT_SECRET: Secret({
    default: "",
    description:
      "Key of receipts `v1`, for claims from before the first key of RECEIPT_KEYS_FILE, ≥ 32 bytes; derived from JWT_SECRET when empty",
  }),
  GATEWAY_HOST: Type.String({ default: "127.0.0.1", description: "Address to listen on" }),
  GATEWAY_PORT: integer(8080, 0, 65_535, "Port to listen on; 0 takes any"),
  ADMIN_HOST: Type.String({ default: "127.0.0.1", description: "Address on which operators' calls are taken" }),
  ADMIN_PORT: integer(
    8090,
    0,
    65_535,
    "Port of operators' calls (`/admin/*`); host and port of GATEWAY_HOST and GATEWAY_PORT put them on the public port; 0 takes any",
  ),
  MACHINE_HOST: Type.String({
    default: "127.0.0.1",
    description: "Address on which `/metrics` and `/health/*` are answered; one that Prometheus and the balancer reach",
  }),
  MACHINE_PORT: integer(
    8091,
    0,
    65_535,
    "Port of `/metrics` and `/health/*`, another one for each process; host and port of GATEWAY_HOST and GATEWAY_PORT put them on the public port; 0 takes any",
  ),
  DOCS: Type.Union([Type.Literal("none"), Type.Literal("operators"), Type.Literal("public")], {
    default: "operators",
    description:
      "Who gets `/docs`, `/openapi.json` and `/asyncapi.json`: `operators` has all of it, with the topics, on ADMIN_PORT; `public` also what customers call on GATEWAY_PORT",
  }),
  REUSE_PORT: Type.Boolean({ default: false, description: "Share the port with other gateways (SO_REUSEPORT)" }),
  GATEWAY_ID: Type.String({
    default: "",
    pattern: "^[!-~]{0,64}$", // a word among words in Redis
    form: "up to 64 printable ASCII characters without spaces",
    description: "Name of this process in socket routes, up to 64 characters without spaces; random when empty",
  }),
  CLAIM_ACK_MS: integer(
    200,
    1,
    60_000,
    'How long a claim or an order waits for Kafka before it answers `durable:"ledger"`',
  ),
  QUEUED_ACK_MS: integer(
    3_000,
    1,
    60_000,
    "How long a claim of a queued sale, or a cancellation, waits for Kafka before it gets 503",
  ),
  CLAIM_REQUIRE_KAFKA: Type.Boolean({ default: false, description: 'Answer 503 instead of `durable:"ledger"`' }),
  ISSUE_PIPELINE: Type.String({
    default: "kafka",
    pattern: PIPELINE_TEXT,
    form: "kafka, redis, or a whole number from 0 to 100",
    description: "`kafka`, `redis`, or the per cent of users that go through Redis alone, until an operator chooses",
  }),
  ...SagaEnvironment,
  ORDER_COUNTRY: Type.String({
    default: "DE",
    pattern: "^[A-Z]{2}$",
    form: "two capital letters like DE",
    description: "The country of an order without `shipping` (ISO 3166-1 alpha-2); one of SHIPPING_COUNTRIES",
  }),
  ...ShippingEnvironment,
  POINTS_CURRENCY: Type.String({
    default: "EUR",
    pattern: "^[A-Z]{3}$",
    form: "three capital letters like EUR",
    description: "The currency of which a point is a minor unit; orders in another currency take no points",
  }),
  ORDER_DEFAULT_PAYMENT_TOKEN: Type.String({
    default: "",
    maxLength: 200,
    description:
      "Charged for an order without `payment`; empty: such an order is 400 if it costs anything. `./dev up` sets `tok_ok` with its simulator",
  }),
  TREASURER_GRANT_MAX: integer(
    100_000,
    1,
    1_000_000_000_000,
    "Largest grant of points by an operator with role treasurer; an admin has no limit",
  ),
  TREASURER_GRANT_DAY_MAX: integer(
    1_000_000,
    1,
    1_000_000_000_000,
    "Points that one treasurer may grant in 24 hours, all grants together",
  ),
  MAX_IN_FLIGHT: integer(
    10_000,
    1,
    1_000_000,
    "Limit of claims in progress, and separately of orders; beyond it new ones get 503 OVERLOADED",
  ),
  USER_RATE_PER_S: integer(
    20,
    1,
    100_000,
    "Tokens that one user gains per second. A claim, an order, a change or a list costs 1, a read 0.2, a `resume` 2",
  ),
  USER_RATE_BURST: integer(100, 1, 100_000, "Tokens that one user may spend at once"),
  ADDRESS_RATE_PER_S: integer(
    500,
    1,
    1_000_000,
    "Tokens per second of one address: a claim costs 1, a read 0.5, a list 4 (of IPv6 a /64, and eight times as many of a /48). This machine's addresses have no limit, unless they are TRUSTED_PROXIES",
  ),
  ADDRESS_RATE_BURST: integer(
    5_000,
    1,
    1_000_000,
    "Tokens that one address may spend at once: thousands of people may share it",
  ),
  TRUSTED_PROXIES: Type.String({
    default: "",
    description:
      "Addresses and networks of the proxies in front, comma-separated (`10.0.0.0/8,2001:db8::/32`): from these, `X-Forwarded-For` and `Forwarded` tell the client's address",
  }),
  MAX_READS: integer(64, 1, 10_000, "Reads that Redis and PostgreSQL answer at once; operators' reads are not counted"),
  MAX_WAITING_READS: integer(1_024, 0, 100_000, "Reads that wait for their turn; beyond it they get 503 OVERLOADED"),
  READ_DEADLINE_MS: integer(1_000, 10, 60_000, "How long a read waits for its turn before it gets 503 OVERLOADED"),
  MAX_BODIES_MB: integer(
    64,
    1,
    65_536,
    "Memory for all bodies that arrive on the public port; beyond it requests get 503 OVERLOADED",
  ),
  MAX_CONNECTIONS: integer(
    0,
    0,
    10_000_000,
    "Connections of clients, sockets included; beyond it requests get 503 OVERLOADED and their connections end. 0: the limit of descriptors less 128",
  ),
  MAX_SOCKETS: integer(0, 0, 10_000_000, "Sockets; beyond it new ones get 503 OVERLOADED. 0: 90 % of MAX_CONNECTIONS"),
  GATE_TTL_MS: integer(2_000, 100, 60_000, "How long the gateway refuses from memory without a confirmation by Redis"),
  GATE_WINNERS_MB: integer(
    64,
    1,
    4_096,
    "Memory for the winners of sales that are sold out, paused or closed, 5 to 11 bytes each; beyond it Redis answers",
  ),
  MAX_BODY_BYTES: integer(16_384, 1_024, 10_000_000, "Largest request body and WebSocket message"),
  IDLE_TIMEOUT_S: integer(
    75,
    5,
    255,
    "Seconds without traffic before a connection or socket is closed; longer than a balancer's keep-alive, usually 60. On Node connections end after about 10",
  ),
  AUTH_TIMEOUT_S: integer(5, 1, 60, "Seconds a socket has to authenticate"),
  SOCKETS_PER_USER: integer(10, 1, 10_000, "Sockets one user may hold on one gateway"),
  SOCKETS_PER_ADDRESS: integer(20_000, 1, 1_000_000, "Sockets one address may hold on one gateway"),
  SOCKET_BUFFER_BYTES: integer(
    262_144,
    16_384,
    67_108_864,
    "Bytes queued for a slow client before its socket is closed",
  ),
  SOCKET_BUFFERS_MB: integer(
    64,
    1,
    65_536,
    "Memory for everything that is queued for slow clients; beyond it the sockets with the most are cut",
  ),
  ALLOWED_ORIGINS: Type.String({
    default: "",
    description:
      "Origins of other sites' pages, comma-separated: only these may open a socket, and these may use the API (CORS). Empty: any may open a socket, none may use the API",
  }),
  PAYMENT_WEBHOOK_SECRET: Secret({
    default: "",
    description: "Signs the payment provider's webhooks, ≥ 32 bytes; empty: the gateway refuses all of them",
  }),
  PAYMENT_WEBHOOK_SECRET_PREVIOUS: Secret({
    default: "",
    description: "While the webhook secret is being changed: the one before, which is accepted too",
  }),
  WEBHOOK_ACK_MS: integer(3_000, 1, 60_000, "How long a webhook waits for Kafka before it gets 503"),
  SHUTDOWN_DELAY_MS: integer(
    1_000,
    0,
    300_000,
    "How long a stopping gateway still serves, with readiness 503, before its port closes, so that load balancers notice",
  ),
  SHUTDOWN_GRACE_MS: integer(10_000, 0, 300_000, "How long a shutdown waits for running requests"),
});
export type GatewayEnvironment = Static<typeof GatewayEnvironment>;

export interface GatewayConfig extends GatewayEnvironment {
  readonly kafkaProperties: Record<string, string>;
  readonly auth: AuthConfig;
  /** Secrets with which a webhook may be signed; none: all are refused. */
  readonly webhookSecrets: readonly SecretValue[];
  readonly receiptKeys: readonly ReceiptKey[];
  /** Of receipts for claims from before the first key. */
  readonly receiptV1Key: KeyObject;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly trustedProxies: Networks;
  readonly gatewayId: string;
  readonly pipeline: PipelineChoice;
  readonly countriesServed: ReadonlySet<string>;
}

/**
 * Origins as browsers send them: scheme, host in lower case, the port unless it is the scheme's default. A slash at the end is
 * accepted, because the address bar shows one. @throws Error that names the invalid origin
 */
function originsOf(list: string): ReadonlySet<string> {
  const origins = new Set<string>();
  for (const text of list.split(",").map((one) => one.trim())) {
    if (text === "") continue;
    const origin = text === "null" ? text : originOf(text);
    if (origin === null) {
      throw invalidEnvironment([
        `ALLOWED_ORIGINS: ${JSON.stringify(text)} is no origin; write scheme://host or scheme://host:port (empty: any origin)`,
      ]);
    }
    origins.add(origin);
  }
  return origins;
}

/** @throws Error that names the wrong network */
function networksOf(list: string): Networks {
  try {
    return new Networks(list);
  } catch (error) {
    throw invalidEnvironment([`TRUSTED_PROXIES: ${(error as Error).message}`]);
  }
}

function originOf(text: string): string | null {
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+\/?$/i.test(text) && URL.canParse(text) ? new URL(text) : null;
  return url === null || url.host === "" || url.host.includes("*") ? null : `${url.protocol}//${url.host}`;
}

/** @throws Error if the earlier secret stands alone, because then it is unknown which one signs */
function webhookSecretsOf(env: GatewayEnvironment): readonly SecretValue[] {
  const { PAYMENT_WEBHOOK_SECRET: secret, PAYMENT_WEBHOOK_SECRET_PREVIOUS: previous } = env;
  if (previous.isSet && !secret.isSet) {
    throw invalidEnvironment(["PAYMENT_WEBHOOK_SECRET_PREVIOUS: only together with PAYMENT_WEBHOOK_SECRET"]);
  }
  return [secret, previous].filter(({ isSet }) => isSet);
}

/** The keys that sign receipts. @throws Error that names the variable and says what is wrong with its file, without secrets */
function readReceiptKeys(file: string): readonly ReceiptKey[] {
  const wrong = (why: string) => invalidEnvironment([`RECEIPT_KEYS_FILE=${file}: ${why}`]);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw wrong(`it can't be read (${(error as NodeJS.ErrnoException).code ?? "not a file"})`);
  }
  let keys: readonly ReceiptKey[];
  try {
    keys = parseReceiptKeys(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const unfit = whyKeysCannotSign(keys, Date.now());
  if (unfit !== null) throw wrong(unfit);
  return keys;
}

/** The process's environment, read once. @throws Error with one line per wrong variable */
export function readConfig(environment: Record<string, string | undefined>): GatewayConfig {
  const env = readEnvironment(GatewayEnvironment, environment);
  const auth = authConfigOf(env);
  if (!env.RECEIPT_SECRET.isSet && !env.JWT_SECRET.isSet) {
    throw invalidEnvironment(["RECEIPT_SECRET is missing: without JWT_SECRET it cannot be derived"]);
  }
  const pipeline = parsePipeline(env.ISSUE_PIPELINE)!;
  if (env.CLAIM_REQUIRE_KAFKA && redisPercent(pipeline) > 0) {
    throw invalidEnvironment([
      `ISSUE_PIPELINE=${env.ISSUE_PIPELINE}: contradicts CLAIM_REQUIRE_KAFKA=true (claims of the Redis pipeline are not acknowledged by Kafka)`,
    ]);
  }
  const countries = countriesServed(env);
  if (!countries.has(env.ORDER_COUNTRY)) {
    throw new Error(
      `The environment is not valid.\n  ORDER_COUNTRY=${env.ORDER_COUNTRY}: not one of SHIPPING_COUNTRIES, so every order without \`shipping\` would be refused`,
    );
  }
  return {
    ...env,
    pipeline,
    countriesServed: countries,
    auth,
    webhookSecrets: webhookSecretsOf(env),
    kafkaProperties: parseProperties(env.KAFKA_PROPERTIES),
    receiptKeys: readReceiptKeys(env.RECEIPT_KEYS_FILE),
    receiptV1Key: v1Key(env.RECEIPT_SECRET.reveal(), env.JWT_SECRET.reveal()),
    allowedOrigins: originsOf(env.ALLOWED_ORIGINS),
    trustedProxies: networksOf(env.TRUSTED_PROXIES),
    GATEWAY_HOST: bareHost(env.GATEWAY_HOST),
    ADMIN_HOST: bareHost(env.ADMIN_HOST),
    MACHINE_HOST: bareHost(env.MACHINE_HOST),
    gatewayId: env.GATEWAY_ID === "" ? `gw-${crypto.randomUUID().slice(0, 13)}` : env.GATEWAY_ID,
  };
}

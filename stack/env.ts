import { urlHost } from "../contracts/wire/address.ts";
import type { CliConfig } from "./config.ts";
import { dockerAnswers } from "./docker.ts";
import type { Ports } from "./layout.ts";
import { ownAddresses } from "./members.ts";
import type { Secrets } from "./secrets.ts";
import type { StackEnv } from "./service.ts";
import { type BaseService, isBaseService, type ServiceName, type Source } from "./service-names.ts";
import { hasShape, type Shape } from "./shape.ts";

/** The variable that says where an existing service is. */
export const ADDRESS_VARIABLE = {
  redis: "REDIS_URL",
  postgres: "DATABASE_URL",
  kafka: "KAFKA_BROKERS",
} as const satisfies Record<BaseService, keyof CliConfig>;

/** Where the simulator of a stack listens, whichever provider is used. */
const simulatorAddress = (env: StackEnv) => `http://127.0.0.1:${env.PAYMENT_SIMULATOR_PORT}`;

/** Addresses and secrets of a stack: those of the environment where `external` says so, else its own ports. */
export function stackEnv(
  config: CliConfig,
  ports: Ports,
  secrets: Secrets,
  options: { external: boolean; run: string; shape: Shape; receiptKeys: string },
): StackEnv {
  const given = options.external ? config : ({} as Partial<CliConfig>);
  const own = ownAddresses(ports, options.shape, secrets);
  return {
    REDIS_URL: given.REDIS_URL ?? own.REDIS_URL,
    DATABASE_URL: given.DATABASE_URL ?? own.DATABASE_URL,
    KAFKA_BROKERS: given.KAFKA_BROKERS ?? own.KAFKA_BROKERS,
    JWT_SECRET: secrets.JWT_SECRET,
    RECEIPT_KEYS_FILE: options.receiptKeys,
    JWT_ISSUER: config.JWT_ISSUER,
    JWT_AUDIENCE: config.JWT_AUDIENCE,
    ...operatorKeys(config),
    GATEWAY_HOST: config.GATEWAY_HOST,
    GATEWAY_PORT: String(ports.gateway),
    ADMIN_PORT: String(ports.admin),
    MACHINE_PORT: String(ports.machine),
    DOCS: "public",
    CONSUMERS_PORT: String(ports.consumers),
    PAYMENT_SIMULATOR_PORT: String(ports.paymentSimulator),
    PAYMENT_PROVIDER_URL: given.PAYMENT_PROVIDER_URL ?? `http://127.0.0.1:${ports.paymentSimulator}`,
    PAYMENT_WEBHOOK_SECRET: secrets.PAYMENT_WEBHOOK_SECRET,
    ...(given.PAYMENT_PROVIDER_URL === undefined ? simulation(config) : {}),
    STAMPEDE_RUN_DIR: options.run,
  };
}

/** How operators' tokens differ from customers', where they do. */
function operatorKeys(config: CliConfig): Record<string, string> {
  const { OPERATOR_JWT_SECRET, OPERATOR_JWT_ISSUER, OPERATOR_JWT_AUDIENCE, OPERATOR_TOKEN } = config;
  return {
    ...(OPERATOR_JWT_SECRET && { OPERATOR_JWT_SECRET: OPERATOR_JWT_SECRET.reveal() }),
    ...(OPERATOR_JWT_ISSUER && { OPERATOR_JWT_ISSUER }),
    ...(OPERATOR_JWT_AUDIENCE && { OPERATOR_JWT_AUDIENCE }),
    ...(OPERATOR_TOKEN && { OPERATOR_TOKEN: OPERATOR_TOKEN.reveal() }),
  };
}

/** What only a stack with its own payment simulator may assume: a real provider knows no such token. */
const simulation = (config: CliConfig) => ({
  ORDER_DEFAULT_PAYMENT_TOKEN: config.ORDER_DEFAULT_PAYMENT_TOKEN ?? "tok_ok",
  SHIPPING_SIMULATE_REFUSAL: "true",
});

/** Who runs a service: the environment names it, else Docker if a daemon answers, else a process of ours. */
export async function sourceOf(
  service: ServiceName,
  config: CliConfig,
  { external, shape }: { external: boolean; shape: Shape },
): Promise<Source> {
  if (!isBaseService(service)) return "native";
  if (shape === "cluster" && hasShape(service)) return "native"; // Docker or not: see docs/operations.md
  if (external && config[ADDRESS_VARIABLE[service]]) return "environment";
  return !config.STAMPEDE_NATIVE && (await dockerAnswers()) ? "docker" : "native";
}

/** `h:1,h:2,h:3` as `h:1,2,3`: a cluster's addresses share their host. */
function shortList(addresses: string): string {
  const [first = "", ...rest] = addresses.split(",");
  const host = first.slice(0, first.lastIndexOf(":") + 1);
  return [first, ...rest.map((one) => (host && one.startsWith(host) ? one.slice(host.length) : one))].join();
}

/** Where customers call the gateway. */
const gatewayAddress = (env: StackEnv) => `http://${urlHost(env.GATEWAY_HOST!)}:${env.GATEWAY_PORT}`;
const consumersAddress = (env: StackEnv) => `http://127.0.0.1:${env.CONSUMERS_PORT}`;

/** Where the gateway's processes answer `/metrics` and `/health/*`, one address for each worker. */
export const machineAddresses = (env: StackEnv, workers: number): string[] =>
  Array.from({ length: workers }, (_, worker) => `http://127.0.0.1:${Number(env.MACHINE_PORT) + worker}`);

/** The addresses of a stack's processes, under the names that tools use. METRICS_URLS: of each worker, then of the consumers. */
export function publishedAddresses(env: StackEnv, workers: number) {
  const metrics = [...machineAddresses(env, workers), consumersAddress(env)];
  return {
    GATEWAY_URL: gatewayAddress(env),
    // The stack leaves ADMIN_HOST at its default, the loopback.
    ADMIN_URL: `http://127.0.0.1:${env.ADMIN_PORT}`,
    METRICS_URLS: metrics.map((address) => `${address}/metrics`).join(),
  };
}

/** `host:port` of an address, without a password, for people. */
export function shownAddress(service: ServiceName, env: StackEnv): string {
  switch (service) {
    case "redis":
      return shortList(env.REDIS_URL.replace(/^redis(s|\+cluster)?:\/\//, "").replace(/^[^@]*@/, ""));
    case "postgres":
      return env.DATABASE_URL.replace(/^\w+:\/\//, "")
        .replace(/^[^@]*@/, "")
        .replace(/\?.*$/, "");
    case "kafka":
      return shortList(env.KAFKA_BROKERS);
    case "payment-simulator":
      return simulatorAddress(env);
    case "gateway":
      return gatewayAddress(env);
    case "consumers":
      return consumersAddress(env);
  }
}

import { type Static, Type } from "@sinclair/typebox";
import { Address, environmentOf, ForeignSecret, parseProperties, Secret } from "../contracts/wire/environment.ts";
import { CliError } from "./errors.ts";

const Port = (fallback: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 64_000, default: fallback, description });
const Text = (description: string) => Type.String({ minLength: 1, description });

/** What the command line reads from its environment. The configuration table in the README is made from this schema. */
export const CliConfigSchema = Type.Object({
  REDIS_URL: Type.Optional(
    Address("redis-address", { description: "An existing Redis ≥ 7; without it the stack brings its own", file: true }),
  ),
  DATABASE_URL: Type.Optional(
    Address("postgres-address", {
      description: "An existing PostgreSQL ≥ 15; without it the stack brings its own",
      file: true,
    }),
  ),
  KAFKA_BROKERS: Type.Optional(
    Address("kafka-brokers", {
      description: "An existing Kafka, `host:port,host:port`; without it the stack brings its own",
    }),
  ),
  KAFKA_PROPERTIES: Type.String({
    default: "",
    description: "More librdkafka properties, `name=value;name=value`; `\\;` is a semicolon inside a value",
    file: true,
  }),
  JWT_SECRET: Type.Optional(
    Secret({ description: "Signs tokens, ≥ 32 bytes; without it a random one is kept in .stack/secrets.json" }),
  ),
  RECEIPT_KEYS_FILE: Type.Optional(
    Text("File of the keys that sign receipts; without it one with a new key is kept in .stack/receipt-keys.json"),
  ),
  JWT_ISSUER: Type.String({ minLength: 1, default: "stampede", description: "`iss` of tokens" }),
  JWT_AUDIENCE: Type.String({ minLength: 1, default: "stampede", description: "`aud` of tokens" }),
  OPERATOR_JWT_SECRET: Type.Optional(
    Secret({ description: "Signs operators' tokens, ≥ 32 bytes, where they have a secret apart" }),
  ),
  OPERATOR_JWT_ISSUER: Type.Optional(Text("`iss` of operators' tokens; default JWT_ISSUER")),
  OPERATOR_JWT_AUDIENCE: Type.Optional(Text("`aud` of operators' tokens; default JWT_AUDIENCE")),
  OPERATOR_TOKEN: Type.Optional(
    ForeignSecret({
      description: "An operator's token for the commands that call the gateway, instead of one that they sign",
    }),
  ),
  GATEWAY_HOST: Type.String({ minLength: 1, default: "127.0.0.1", description: "Where the gateway listens" }),
  GATEWAY_PORT: Port(8080, "The gateway's port"),
  ADMIN_PORT: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 64_000, description: "Port of operators' calls; default GATEWAY_PORT + 10" }),
  ),
  MACHINE_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 64_000,
      description:
        "Health and metrics of the gateway; its other workers take the next ports; default GATEWAY_PORT + 11",
    }),
  ),
  CONSUMERS_PORT: Port(8081, "Health and metrics of the consumers"),
  PAYMENT_SIMULATOR_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 64_000,
      description: "The payment simulator's port; default GATEWAY_PORT + 2",
    }),
  ),
  PAYMENT_PROVIDER_URL: Type.Optional(
    Address("http-address", { description: "An existing payment provider; without it the stack's simulator is used" }),
  ),
  ORDER_DEFAULT_PAYMENT_TOKEN: Type.Optional(
    Text("Charged for an order without `payment`; with the stack's own simulator default `tok_ok`"),
  ),
  PAYMENT_WEBHOOK_SECRET: Type.Optional(
    Secret({
      description: "Signs the provider's webhooks, ≥ 32 bytes; without it a random one is kept in .stack/secrets.json",
    }),
  ),
  STAMPEDE_STACK: Type.Optional(Text("Directory of the stack's data, logs and process ids; default .stack")),
  STAMPEDE_REDIS_PORT: Port(
    16379,
    "Port of the stack's own Redis; a cluster takes six from here on, and six from 50 above",
  ),
  STAMPEDE_REDIS_MAXMEMORY: Type.Optional(
    Type.String({
      pattern: "^[1-9][0-9]{0,5}(mb|gb)$",
      form: "a whole number with mb or gb, like 2gb",
      description:
        "`maxmemory` of each Redis of the stack, e.g. `2gb`; default half of the machine's memory, shared by all of them",
    }),
  ),
  STAMPEDE_POSTGRES_PORT: Port(15432, "Port of the stack's own PostgreSQL"),
  STAMPEDE_KAFKA_PORT: Port(
    19092,
    "Port of the stack's own Kafka; its controller takes the next one, a cluster six in all",
  ),
  STAMPEDE_KAFKA_LIBS: Type.Optional(Text("A directory that already holds Kafka's jars")),
  LIBRDKAFKA_PATH: Type.Optional(Text("A librdkafka to open instead of the one that is found")),
  STAMPEDE_NODE: Type.Optional(Text("The Node.js of `--runtime node`; default `node` of the PATH")),
  STAMPEDE_TEST_LANE: Type.Integer({
    minimum: 1,
    maximum: 9,
    default: 1,
    description: "Which of its stacks `./dev test` lets a test use: `.stack/test`, `.stack/test-2` …",
  }),
  STAMPEDE_NATIVE: Type.Boolean({ default: false, description: "Native processes even where Docker answers" }),
  DEBUG: Type.Boolean({ default: false, description: "Shows the stack of an error" }),
});
/** What only the command line reads, beside what it hands to the programs that it starts. */
export const StackEnvironment = Type.Pick(CliConfigSchema, [
  "OPERATOR_TOKEN",
  "STAMPEDE_STACK",
  "STAMPEDE_NATIVE",
  "STAMPEDE_REDIS_PORT",
  "STAMPEDE_REDIS_MAXMEMORY",
  "STAMPEDE_POSTGRES_PORT",
  "STAMPEDE_KAFKA_PORT",
  "STAMPEDE_KAFKA_LIBS",
  "STAMPEDE_NODE",
  "STAMPEDE_TEST_LANE",
  "LIBRDKAFKA_PATH",
  "DEBUG",
]);
export type CliConfig = Static<typeof CliConfigSchema>;

/**
 * The command line's configuration, checked.
 * @throws CliError naming every variable that is wrong
 */
export function readConfig(env: Record<string, string | undefined> = process.env): CliConfig {
  const texts: Record<string, string | undefined> = {};
  for (const [name, schema] of Object.entries(CliConfigSchema.properties)) {
    const text = env[name];
    // A flag is on with any value but these, so that DEBUG=* (a habit of other tools) does what is meant.
    const isFlag = schema.type === "boolean" && text !== undefined && text !== "";
    texts[`${name}_FILE`] = env[`${name}_FILE`];
    texts[name] = isFlag ? String(!["0", "false", "no", "off"].includes(text)) : text;
  }
  const read = environmentOf(CliConfigSchema, texts);
  if ("faults" in read) throw new CliError(read.faults.join("; "), { exitCode: 2 });
  parseProperties(read.value.KAFKA_PROPERTIES);
  return read.value;
}

/** Whether errors show their stack; asked on its own, because the configuration itself may be what is wrong. */
export const debugging = (): boolean => Boolean(process.env.DEBUG);

/** The whole environment, for programs that the stack starts: what the operator exports reaches the gateway. */
export function inheritedEnvironment(): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) inherited[name] = value;
  return inherited;
}

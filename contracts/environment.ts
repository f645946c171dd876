import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/** What every process of the project reads; a process adds its own and reads the whole once, in its config.ts. */
export const SharedEnvironment = {
  REDIS_URL: Type.String({
    default: "redis://127.0.0.1:16379",
    description: "Redis ≥ 7; `redis+cluster://h:p,h:p` for a Cluster",
  }),
  DATABASE_URL: Type.String({
    default: "postgres://stampede@127.0.0.1:15432/stampede",
    description: "PostgreSQL ≥ 15",
  }),
  KAFKA_BROKERS: Type.String({ default: "127.0.0.1:19092", description: "Kafka, `host:port,host:port`" }),
  KAFKA_PROPERTIES: Type.String({
    default: "",
    description: "More librdkafka properties, `name=value;name=value` (security.protocol, sasl.*, …)",
  }),
  MESSAGE_TIMEOUT_MS: Type.Integer({
    default: 10_000,
    minimum: 1_000,
    maximum: 300_000,
    description: "When the producer gives a record up; recovery waits at least as long",
  }),
  LOG_LEVEL: Type.Union(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"].map((level) => Type.Literal(level as "info")),
    { default: "info", description: "pino level" },
  ),
  FAULT_POINT: Type.String({
    default: "",
    description: "Only with NODE_ENV=test: where the process kills (or, after `pause:`, stops) itself",
  }),
  NODE_ENV: Type.String({ default: "production", description: "`test` switches fault points on" }),
};

/**
 * Reads an environment by its schema: text becomes numbers and booleans, absent names take their defaults.
 * @throws Error naming every variable that is missing or wrong, and what it should be
 */
export function readEnvironment<T extends TObject>(
  schema: T,
  environment: Record<string, string | undefined>,
): Static<T> {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(schema.properties)) {
    const text = environment[name];
    if (text !== undefined && text !== "") given[name] = text;
  }
  const value = Value.Convert(schema, Value.Default(schema, given));
  const wrong = [...Value.Errors(schema, value)];
  if (wrong.length > 0) {
    const lines = wrong.map(({ path, message, schema }) => {
      const about = schema.description === undefined ? "" : ` (${schema.description})`;
      return `${path.slice(1)}: ${message}${about}`;
    });
    throw new Error(`The environment is not valid.\n  ${[...new Set(lines)].join("\n  ")}`);
  }
  return value as Static<T>;
}

/** `name=value;name=value` as librdkafka properties. */
export function parseProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const pair of text.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0) properties[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return properties;
}

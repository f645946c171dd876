import { FormatRegistry, type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ADDRESSES, type AddressForm } from "./address.ts";
import { readEnvironmentFiles } from "./environment-files.ts";
import { SecretValue } from "./secret.ts";

/** Every variable that may contain a secret also exists as `NAME_FILE`, which names a file with the text. */
const FILE = { file: true } as const;

/**
 * A variable that holds an address. An address of another form is refused with a sentence.
 * `file: true`: the address may contain a password, so `NAME_FILE` may name a file with it.
 */
export const Address = (
  form: AddressForm,
  options: { readonly default?: string; readonly description: string; readonly file?: true },
) => Type.String({ format: form, ...options });

const SECRET_BYTES = 32;
/** The forms of texts that may hold a secret: how each is recognized, and how the error message describes it. The message
 * never repeats the text. */
const FORMS: Readonly<Record<string, { readonly is: (text: string) => boolean; readonly form: string }>> = {
  ...ADDRESSES,
  secret: {
    is: (text) => text === "" || Buffer.byteLength(text) >= SECRET_BYTES,
    form: `at least ${SECRET_BYTES} bytes long, because a shorter key can be guessed (\`openssl rand -hex 32\` makes one)`,
  },
};

interface SecretOptions {
  readonly default?: "";
  readonly description: string;
}

const secretOf = (options: object) => Type.Unsafe<SecretValue>(Type.String({ ...options, ...FILE, secret: true }));

/** A variable that holds a key of HMAC-SHA256: RFC 7518 §3.2 requires as many bytes as the hash has. */
export const Secret = (options: SecretOptions) => secretOf({ format: "secret", ...options });

/** A variable that holds a secret whose length another party chose, such as a provider's API key. */
export const ForeignSecret = (options: SecretOptions) => secretOf(options);

/** The variables that every process reads. Each process adds its variables and reads all of them once, in its config.ts. */
export const SharedEnvironment = {
  REDIS_URL: Address("redis-address", {
    default: "redis://127.0.0.1:16379",
    description: "Redis ≥ 7; `redis+cluster://h:p,h:p` for a Cluster",
    ...FILE,
  }),
  DATABASE_URL: Address("postgres-address", {
    default: "postgres://stampede@127.0.0.1:15432/stampede",
    description: "PostgreSQL ≥ 15",
    ...FILE,
  }),
  KAFKA_BROKERS: Address("kafka-brokers", { default: "127.0.0.1:19092", description: "Kafka, `host:port,host:port`" }),
  KAFKA_PROPERTIES: Type.String({
    default: "",
    description:
      "More librdkafka properties, `name=value;name=value` (security.protocol, sasl.*, …); `\\;` is a semicolon inside a value",
    ...FILE, // sasl.password
  }),
  MESSAGE_TIMEOUT_MS: Type.Integer({
    default: 10_000,
    minimum: 1_000,
    maximum: 300_000,
    description: "After this time the producer gives a record up; a recovery waits at least as long",
  }),
  LOG_LEVEL: Type.Union(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"].map((level) => Type.Literal(level as "info")),
    { default: "info", description: "pino level" },
  ),
  FAULT_POINT: Type.String({
    default: "",
    description: "Only with NODE_ENV=test: the place at which the process kills (or, after `pause:`, stops) itself",
  }),
  NODE_ENV: Type.String({ default: "production", description: "`test` switches fault points on" }),
};

/** Digits only: people read `1e5`, `20.000`, `0x10`, `007`, ` 5` and `true` in different ways. */
const WHOLE_NUMBER = /^(?:0|-?[1-9][0-9]{0,14})$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

/** Converts text to the schema's type. Text that cannot be converted stays text, and the schema then refuses it. */
function typed({ type }: TSchema, text: string): unknown {
  if (type === "integer") return WHOLE_NUMBER.test(text) ? Number(text) : text;
  if (type === "boolean") return BOOLEANS[text.toLowerCase()] ?? text;
  return text;
}

/** Describes what a variable should be. The value is repeated only for numbers, flags, choices and described patterns: another
 * text may be a secret. */
function faultOf(name: string, schema: TSchema, text: string | undefined): string {
  const about = schema.description === undefined ? "" : ` (${schema.description})`;
  const given = `${name}=${JSON.stringify(text)?.slice(1, -1).slice(0, 80)}`;
  if (text === undefined) return `${name} is missing${about}`;
  if (schema.type === "integer") {
    return `${given}: must be a whole number from ${schema.minimum} to ${schema.maximum}, in digits${about}`;
  }
  if (schema.type === "boolean") return `${given}: must be true or false${about}`;
  if (schema.anyOf)
    return `${given}: must be one of ${schema.anyOf.map((one: TSchema) => one.const).join(", ")}${about}`;
  const form = FORMS[schema.format]?.form;
  if (form !== undefined) return `${name}: must be ${form}${about}`;
  // A pattern with a description in words holds no secret.
  if (schema.form !== undefined) return `${given}: must be ${schema.form}${about}`;
  if (schema.minLength !== undefined && text.length < schema.minLength) return `${name}: is too short${about}`;
  return `${name}: is not of the form that is expected${about}`;
}

/** The values with each secret as an object that does not print itself. */
function withSecrets(schema: TObject, value: Record<string, unknown>): Record<string, unknown> {
  const wrapped = { ...value };
  for (const [name, one] of Object.entries(schema.properties)) {
    if (one.secret && typeof value[name] === "string") wrapped[name] = new SecretValue(value[name]);
  }
  return wrapped;
}

/**
 * Reads an environment by its schema: text becomes numbers and booleans, absent and empty names take their defaults, and
 * `NAME_FILE` of a secret names a file with its text. All processes and the command line use it, so that one text has one meaning.
 */
export function environmentOf<T extends TObject>(
  schema: T,
  environment: Record<string, string | undefined>,
): { readonly value: Static<T> } | { readonly faults: readonly string[] } {
  for (const [form, { is }] of Object.entries(FORMS)) FormatRegistry.Set(form, is);
  const files = readEnvironmentFiles(schema, environment);
  if (files.faults.length > 0) return { faults: files.faults };
  const texts = files.environment;
  const given: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(schema.properties)) {
    const text = texts[name];
    if (text !== undefined && text !== "") given[name] = typed(one, text);
  }
  const value = Value.Default(schema, given) as Record<string, unknown>;
  const wrong = new Set([...Value.Errors(schema, value)].map(({ path }) => path.slice(1)));
  if (wrong.size === 0) return { value: withSecrets(schema, value) as Static<T> };
  return { faults: [...wrong].map((name) => faultOf(name, schema.properties[name]!, texts[name] || undefined)) };
}

/** As `environmentOf`. @throws Error with one line for every variable that is missing or wrong, and what it should be */
export function readEnvironment<T extends TObject>(
  schema: T,
  environment: Record<string, string | undefined>,
): Static<T> {
  const read = environmentOf(schema, environment);
  if ("faults" in read) throw invalidEnvironment(read.faults);
  return read.value;
}

/** The error with which a process refuses to start. */
export const invalidEnvironment = (faults: readonly string[]): Error =>
  new Error(`The environment is not valid.\n  ${faults.join("\n  ")}`);

/**
 * `name=value;name=value` as librdkafka properties; `\;` is a semicolon inside a value.
 * @throws Error that names the part, never its text (which may be part of a password)
 */
export function parseProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  const parts = text.split(/(?<!\\);/).map((part) => part.replaceAll("\\;", ";"));
  for (const [i, part] of parts.entries()) {
    if (part.trim() === "") continue;
    const [, name, value] = /^\s*([a-z][a-z0-9._]*)\s*=(.*)$/s.exec(part) ?? [];
    if (name === undefined) {
      throw invalidEnvironment([
        `KAFKA_PROPERTIES: part ${i + 1} of ${parts.length} is not name=value; a semicolon inside a value is written \\;`,
      ]);
    }
    properties[name] = value!.trim();
  }
  return properties;
}

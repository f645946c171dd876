import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Address, parseProperties, readEnvironment, SharedEnvironment } from "./environment.ts";

const schema = Type.Object({
  WAIT_MS: Type.Integer({ default: 200, minimum: -5, maximum: 100_000, description: "How long it waits" }),
  SHARED: Type.Boolean({ default: false }),
  LEVEL: Type.Union([Type.Literal("info"), Type.Literal("warn")], { default: "info" }),
  SECRET: Type.String({ minLength: 8, default: "long enough" }),
});
const read = (environment: Record<string, string>) => readEnvironment(schema, environment);

test("text becomes numbers and flags; absent and empty names take their defaults", () => {
  expect(read({ WAIT_MS: "", OTHER: "1e5" })).toEqual({
    WAIT_MS: 200,
    SHARED: false,
    LEVEL: "info",
    SECRET: "long enough",
  });
  expect(read({ WAIT_MS: "-5", SHARED: "TRUE", LEVEL: "warn" })).toMatchObject({ WAIT_MS: -5, SHARED: true });
  expect(read({ WAIT_MS: "0", SHARED: "0" })).toMatchObject({ WAIT_MS: 0, SHARED: false });
});

test.each([
  "1e5",
  "20.000",
  "20.0",
  "0x10",
  "007",
  " 5",
  "5 ",
  "5\n",
  "+5",
  "true",
  "five",
  "٥",
  "-0",
  "100001",
  "9e99",
])("a number written as %j is refused by name, with a sentence", (text) => {
  expect(() => read({ WAIT_MS: text })).toThrow(
    `WAIT_MS=${JSON.stringify(text).slice(1, -1)}: must be a whole number from -5 to 100000, in digits (How long it waits)`,
  );
});

test.each(["yes", "on", "2", " true", "truthy"])("a flag written as %j is refused by name", (text) => {
  expect(() => read({ SHARED: text })).toThrow(`SHARED=${text}: must be true or false`);
});

test("every variable that is wrong is named, and no text that may be a secret is repeated", () => {
  const wrong = () => read({ WAIT_MS: "1e5", LEVEL: "loud", SECRET: "hunter2" });
  expect(wrong).toThrow(/WAIT_MS=1e5.*\n.*LEVEL=loud: must be one of info, warn\n.*SECRET: is too short/);
  expect(wrong).not.toThrow(/hunter2/);
  expect(() => readEnvironment(Type.Object({ KEY: Type.String({ minLength: 1 }) }), {})).toThrow("KEY is missing");
});

test("a password in KAFKA_PROPERTIES may hold any character, a semicolon behind a backslash", () => {
  expect(parseProperties("sasl.username=u; sasl.password=a=b\\;c\\d ;;")).toEqual({
    "sasl.username": "u",
    "sasl.password": "a=b;c\\d",
  });
  expect(parseProperties("")).toEqual({});
});

test("a semicolon that cuts a password is refused with a sentence that does not repeat it", () => {
  for (const text of ["sasl.password=hunt;er2", "sasl.password=hunt;Er2=x"]) {
    const wrong = () => parseProperties(text);
    expect(wrong).toThrow("KAFKA_PROPERTIES: part 2 of 2 is not name=value; a semicolon inside a value is written \\;");
    expect(wrong).not.toThrow(/er2/i);
  }
});

const addresses = Type.Object({
  REDIS_URL: Type.Optional(SharedEnvironment.REDIS_URL),
  DATABASE_URL: Type.Optional(SharedEnvironment.DATABASE_URL),
  KAFKA_BROKERS: Type.Optional(SharedEnvironment.KAFKA_BROKERS),
  PROVIDER: Type.Optional(Address("http-address", { description: "Somebody" })),
});

test.each([
  ["REDIS_URL", "redis://127.0.0.1:6379"],
  ["REDIS_URL", "redis://:p%23w@redis.example:6379/2?family=6"],
  ["REDIS_URL", "rediss://ada:secret@[::1]:6380"],
  ["REDIS_URL", "redis+cluster://a:7000,b:7001,c"],
  ["REDIS_URL", "rediss+cluster://ada:s%40@[::1]:7000,[fe80::1]:7001/"],
  ["REDIS_URL", "/run/redis/redis.sock"],
  ["REDIS_URL", "127.0.0.1:6379"],
  ["DATABASE_URL", "postgres://stampede@127.0.0.1:15432/stampede"],
  ["DATABASE_URL", "postgresql://u:p;w@db-1:5432,db-2:5432/db?sslmode=require"],
  ["DATABASE_URL", "postgres://u@[::1]:5432,[::2]:5432/db"],
  ["DATABASE_URL", "postgres:///db?host=/run/postgresql"],
  ["KAFKA_BROKERS", "127.0.0.1:9092"],
  ["KAFKA_BROKERS", "kafka-1, SASL_SSL://kafka-2:9093,[::1]:9094"],
  ["PROVIDER", "https://pay.example/v1"],
])("%s=%s is an address", (name, text) => {
  expect(readEnvironment(addresses, { [name]: text })).toMatchObject({ [name]: text });
});

test.each([
  ["REDIS_URL", "foo://bar"],
  ["REDIS_URL", "http://redis:6379"],
  ["REDIS_URL", "redis://:hunter#2@127.0.0.1:6379"],
  ["REDIS_URL", "redis://:1#hunter@127.0.0.1:6379"],
  ["REDIS_URL", "redis://127.0.0.1:99999"],
  ["REDIS_URL", "redis+cluster://a:hunter,b:7001"],
  ["REDIS_URL", "redis+cluster://"],
  ["REDIS_URL", "redis://127.0.0.1:6379\n"],
  ["DATABASE_URL", "hunter"],
  ["DATABASE_URL", "http://hunter"],
  ["DATABASE_URL", "postgres://u:hunter#2@127.0.0.1:5432/db"],
  ["DATABASE_URL", "postgres://u@127.0.0.1:5432,db:hunter/db"],
  ["KAFKA_BROKERS", ","],
  ["KAFKA_BROKERS", "kafka:hunter"],
  ["KAFKA_BROKERS", "kafka:0"],
  ["KAFKA_BROKERS", "::1:9092"],
  ["PROVIDER", "hunter:8082"],
])("%s=%s is refused with its form, and is not repeated", (name, text) => {
  const read = () => readEnvironment(addresses, { [name]: text });
  expect(read).toThrow(new RegExp(`^  ${name}: must be .*(host|path)`, "m"));
  expect(read).not.toThrow(/hunter/);
});

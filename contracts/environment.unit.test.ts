import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { parseProperties, readEnvironment } from "./environment.ts";

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

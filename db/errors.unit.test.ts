import { expect, test } from "bun:test";
import { classify, isDatabaseError, sqlState } from "./errors.ts";

const failure = (code: string) => Object.assign(new Error("from the driver"), { code });

test("every kind of failure has its meaning", () => {
  const table: Record<string, ReturnType<typeof classify>> = {
    ECONNREFUSED: "transient",
    CONNECTION_CLOSED: "transient",
    CONNECT_TIMEOUT: "transient",
    EPIPE: "transient",
    "40P01": "transient", // deadlock
    "40001": "transient",
    "53100": "transient", // disk full
    "53300": "transient", // too many connections
    "57P01": "transient", // shut down by an administrator
    "57P03": "transient", // starting up
    "57014": "transient", // cancelled by statement_timeout
    "25006": "transient", // read-only
    "08006": "transient",
    "58030": "transient",
    "23505": "permanent",
    "23514": "permanent",
    "22021": "permanent", // bytes that are no text
    "22003": "permanent",
    "42P01": "unknown", // no such table: a deployment's mistake, nobody's data
    "42501": "unknown",
    "28P01": "unknown",
    XX000: "unknown",
    SOMETHING: "unknown",
  };
  const found = Object.fromEntries(Object.keys(table).map((code) => [code, classify(failure(code))]));
  expect(found).toEqual(table);
  expect(classify(new Error("no code"))).toBe("unknown");
  expect(classify("not even an error")).toBe("unknown");
});

test("the SQLSTATE is found behind a wrapping error", () => {
  const wrapped = new Error("Failed query: … params: secret", { cause: failure("23505") });
  expect(sqlState(wrapped)).toBe("23505");
  expect(classify(wrapped)).toBe("permanent");
  expect(classify(new Error("outer", { cause: new Error("inner", { cause: failure("40001") }) }))).toBe("transient");
});

test("an errno is no SQLSTATE, however it is spelled", () => {
  for (const code of ["EPIPE", "ECONNRESET", "EPERM"]) expect(sqlState(failure(code))).toBeUndefined();
  expect(isDatabaseError(failure("ECONNRESET"))).toBe(true);
  expect(isDatabaseError(failure("40001"))).toBe(true);
  expect(isDatabaseError(new TypeError("x is not a function"))).toBe(false);
});

import { expect, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { KafkaError } from "../../kafka/kafka.ts";
import { failureCode, failureKind } from "./failure.ts";

test("each neighbour's errors have their meaning", () => {
  const of = (code: string) => Object.assign(new Error("x"), { code });
  expect(failureKind(new StampedeError("REDIS_UNAVAILABLE"))).toBe("transient");
  expect(failureKind(new StampedeError("VALIDATION_FAILED"))).toBe("permanent");
  expect(failureKind(new KafkaError("DELIVERY_TIMEOUT", "x"))).toBe("transient");
  expect(failureKind(new KafkaError("FATAL", "x"))).toBe("transient"); // with a new producer
  expect(failureKind(new KafkaError("RECORD_TOO_LARGE", "x"))).toBe("permanent");
  expect(failureKind(new KafkaError("UNKNOWN_TOPIC", "x"))).toBe("unknown");
  expect(failureKind(of("ECONNREFUSED"))).toBe("transient");
  expect(failureKind(of("23514"))).toBe("permanent");
  expect(failureKind(of("42P01"))).toBe("unknown");
  expect(failureKind(new TypeError("x is undefined"))).toBe("permanent");
  expect(failureKind(new Error("whatever"))).toBe("unknown");
  expect(failureKind("text")).toBe("unknown");
});

test("a message for people never holds a statement's parameters", () => {
  const wrapped = new Error("Failed query: select … params: secret", {
    cause: Object.assign(new Error("duplicate key"), { code: "23505" }),
  });
  wrapped.name = "DrizzleQueryError";
  expect(failureCode(wrapped)).toEqual({ code: "23505", message: "duplicate key" });
  expect(failureCode(new TypeError("boom"))).toEqual({ code: "TypeError", message: "boom" });
  expect(failureCode(undefined)).toEqual({ code: "UNKNOWN", message: "undefined" });
});

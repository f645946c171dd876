import { expect, test } from "bun:test";
import type { DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { KafkaError } from "../../kafka/kafka.ts";
import { afterTry } from "./mark-after-try.ts";

const policy = { attempts: 5, retryMs: 300_000 };
const after = (attempts: number, tried: Parameters<typeof afterTry>[1]) =>
  afterTry({ id: "7" as DeadLetterId, attempts }, tried, policy);

test("a letter that was sent is one attempt further and has no next date, the last one and an operator's too", () => {
  for (const attempts of [0, 4, 5, 9]) {
    const mark = { id: "7", status: "REPUBLISHED", attempts: attempts + 1, nextInMs: null } as const;
    expect(after(attempts, "sent")).toEqual(mark);
  }
});

test("a claim that was given up meanwhile is discarded, not sent", () => {
  expect(after(2, "buried")).toEqual({ id: "7", status: "DISCARDED", attempts: 2, nextInMs: null });
});

test.each([
  ["RECORD_TOO_LARGE", 0, "PENDING"],
  ["RECORD_TOO_LARGE", 3, "PENDING"],
  ["RECORD_TOO_LARGE", 4, "EXHAUSTED"],
  ["RECORD_TOO_LARGE", 5, "EXHAUSTED"],
  ["INVALID", 4, "EXHAUSTED"],
  ["UNKNOWN_TOPIC", 4, "EXHAUSTED"],
] as const)("%s after %d attempts counts as one: %s, and says why", (code, attempts, status) => {
  const error = new KafkaError(code, "no");
  expect(after(attempts, { error })).toEqual({
    id: "7",
    status,
    attempts: attempts + 1,
    nextInMs: status === "PENDING" ? 300_000 : null,
    error: { code, message: "no" },
  });
});

test.each([
  new KafkaError("DELIVERY_TIMEOUT", "away"),
  new KafkaError("UNAVAILABLE", "away"),
  new KafkaError("CLOSED", "stopping"),
  new StampedeError("KAFKA_UNAVAILABLE"),
  new Error("whatever"),
])("a log that does not answer costs no attempt, not even the last (%s)", (error) => {
  for (const attempts of [0, 4, 5]) {
    expect(after(attempts, { error })).toEqual({ id: "7", status: "PENDING", attempts, nextInMs: 300_000 });
  }
});

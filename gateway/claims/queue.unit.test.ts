import { expect, test } from "bun:test";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import { KafkaError, type OutgoingRecord } from "../../kafka/kafka.ts";
import type { AskOutcome } from "../../lua/pending-requests.ts";
import { createAckBreaker } from "./breaker.ts";
import { Queue } from "./queue.ts";

const SALE = "aaaaaaaaaaaa" as CouponId;
const ADA = "ada" as UserId;
const WINDOW = { startsAt: 1_000, endsAt: 2_000 };
const id = (name: string) => name as RequestId;

/** A queue on a Redis that says what it is told to say, and on a log that acknowledges when `acknowledge` is called. */
function queueThatHears(...answers: AskOutcome[]) {
  const logged: string[] = [];
  const noted: string[] = [];
  const acks: ((error?: unknown) => void)[] = [];
  const errors: unknown[] = [];
  const mayAsk: boolean[] = [];
  const queue = new Queue({
    producer: {
      send: ({ value }: OutgoingRecord) => {
        logged.push(JSON.parse(value as string).data.requestId);
        return new Promise((resolve, reject) => {
          acks.push((error) => (error === undefined ? resolve({ topic: "", partition: 0, offset: 0 }) : reject(error)));
        });
      },
    },
    breaker: createAckBreaker(() => {}),
    ackMs: 1_000,
    ask: async (_sale, _request, _user, may) => {
      mayAsk.push(may);
      return answers.shift()!;
    },
    notePending: async (_sale, requestId) => {
      noted.push(requestId);
      if (requestId === "unnoted") throw new Error("Redis is away");
    },
    fault: () => {},
    onError: (error) => errors.push(error),
  });
  const ask = (name: string, nowMs = 1_500) =>
    queue.request(WINDOW, { couponId: SALE, userId: ADA, requestId: id(name) }, nowMs, undefined);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { ask, turn, logged, noted, acks, errors, mayAsk };
}

test("a new request is logged and then noted as logged; one that the log has already is only repeated", async () => {
  const before = { kind: "asked", requestId: id("first"), isLogged: true } as const;
  const { ask, turn, logged, noted, acks } = queueThatHears({ kind: "noted" }, before);
  const answer = ask("first");
  await turn();
  expect([logged, noted]).toEqual([["first"], []]);
  acks[0]!();
  expect(await answer).toEqual({ kind: "logged", requestId: id("first"), repeat: false });
  expect(noted).toEqual(["first"]);
  expect(await ask("second")).toEqual({ kind: "logged", requestId: id("first"), repeat: true });
  expect(logged).toEqual(["first"]);
});

test("a request whose acknowledgement is not known is logged again under its own id", async () => {
  const before = { kind: "asked", requestId: id("first"), isLogged: false } as const;
  const { ask, turn, logged, acks } = queueThatHears({ kind: "noted" }, before);
  const late = ask("first");
  await turn();
  acks[0]!(new KafkaError("ACK_DEADLINE", "late"));
  expect(await late).toEqual({ kind: "unknown", requestId: id("first") });
  const again = ask("second");
  await turn();
  acks[1]!();
  expect(await again).toEqual({ kind: "logged", requestId: id("first"), repeat: true });
  expect(logged).toEqual(["first", "first"]);
});

test("who presses the button again while the log is being told shares the answer", async () => {
  const { ask, turn, logged, acks } = queueThatHears({ kind: "noted" });
  const answers = ["first", "second", "third"].map((name) => ask(name));
  await turn();
  acks[0]!();
  expect(await Promise.all(answers)).toEqual([
    { kind: "logged", requestId: id("first"), repeat: false },
    { kind: "logged", requestId: id("first"), repeat: true },
    { kind: "logged", requestId: id("first"), repeat: true },
  ]);
  expect(logged).toEqual(["first"]);
});

test("outside the window new requests are refused, and users who asked before or have won are answered", async () => {
  const won = { kind: "won", winner: { slot: 1, requestId: id("won") } } as const;
  const before = { kind: "asked", requestId: id("before"), isLogged: true } as const;
  const { ask, logged, mayAsk } = queueThatHears({ kind: "none" }, { kind: "none" }, won, before);
  expect(await ask("early", 999)).toEqual({ kind: "refused", code: "NOT_STARTED" });
  expect(await ask("late", 2_000)).toEqual({ kind: "refused", code: "ENDED" });
  expect(await ask("again", 2_000)).toEqual(won);
  expect(await ask("again", 2_000)).toEqual({ kind: "logged", requestId: id("before"), repeat: true });
  expect([logged, mayAsk]).toEqual([[], [false, false, false, false]]);
});

test("a note that failed after the acknowledgement does not take the answer back", async () => {
  const { ask, turn, acks, errors } = queueThatHears({ kind: "noted" });
  const answer = ask("unnoted");
  await turn();
  acks[0]!();
  expect(await answer).toEqual({ kind: "logged", requestId: id("unnoted"), repeat: false });
  expect(errors).toHaveLength(1);
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { deadLetterOf, deadLetters } from "../../consumers/dead-letters/role.ts";
import { policyOf } from "../../consumers/dead-letters/start.ts";
import { DEAD_LETTER_HEADERS } from "../../consumers/engine/dead-letter-record.ts";
import type { Role } from "../../consumers/engine/role.ts";
import { startRunner } from "../../consumers/engine/runner.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { insertDeadLetters } from "../../db/dead-letters/insert.ts";
import { type IncomingRecord, type Kafka, KafkaError } from "../../kafka/kafka.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const text = (record: IncomingRecord) => new TextDecoder().decode(record.value ?? new Uint8Array());
const send = (topic: string, ...values: string[]) =>
  world.rawProducer.sendAll(values.map((value) => ({ topic, value })));

/** A role that calls `work` for each record and remembers what went through. */
function roleOf(work: (value: string) => void | Promise<void>, patience: Role["patience"] = "dead-letter") {
  const done: string[] = [];
  const role: Role = {
    name: "tested",
    groupId: "set by the world",
    topics: [],
    patience,
    maxBatch: 100,
    lingerMs: 5,
    concurrency: 1,
    async handle(records) {
      for (const record of records) await work(text(record));
      done.push(...records.map(text));
      return [];
    },
  };
  return { role, done };
}

test("a record that fails for what it is becomes a dead letter, and the rest of its batch goes on", async () => {
  const topic = await world.newTopic(1);
  const { role, done } = roleOf((value) => {
    if (value === "poison") throw new StampedeError("VALIDATION_FAILED", "poison");
  });
  await send(topic, "a", "poison", "b");
  const runner = world.run(role, topic);
  await until("all but one are done", () => done.length === 2);
  await until("the offsets are committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  expect(done).toEqual(["a", "b"]);
  const [letter] = await world.read(`${topic}.DLT`, 1);
  const header = (name: string) => new TextDecoder().decode(letter!.headers[name]!);
  expect(text(letter!)).toBe("poison");
  expect(header(DEAD_LETTER_HEADERS.errorCode)).toBe("VALIDATION_FAILED");
  expect(header(DEAD_LETTER_HEADERS.topic)).toBe(topic);
  expect(header(DEAD_LETTER_HEADERS.offset)).toBe("1");
});

test("a role with a pace begins at once, and then takes what came meanwhile together", async () => {
  const topic = await world.newTopic(1);
  const { role, done } = roleOf(() => {});
  const batches: string[][] = [];
  const paced: Role = {
    ...role,
    paceMs: 8_000,
    handle: async (records, signal) => {
      batches.push(records.map(text));
      return role.handle(records, signal);
    },
  };
  const runner = world.run(paced, topic);
  await send(topic, "a");
  await until("the first is done", () => done.length === 1);
  await send(topic, "b", "c", "d");
  await until("the others are done", () => done.length === 4);
  await runner.stop(1_000);
  expect(batches).toEqual([["a"], ["b", "c", "d"]]);
});

test("a transient failure is tried again in place, and then nothing is a dead letter", async () => {
  const topic = await world.newTopic(1);
  let failures = 2;
  const { role, done } = roleOf(() => {
    if (failures-- > 0) throw new StampedeError("REDIS_UNAVAILABLE");
  });
  await send(topic, "a", "b");
  const runner = world.run(role, topic);
  await until("both are done", () => done.length === 2);
  await until("the offsets are committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  expect(await world.read(`${topic}.DLT`, 1, 1_000)).toEqual([]);
});

test("what stays transient is put aside after three tries, and the rest goes on", async () => {
  const topic = await world.newTopic(1);
  let tries = 0;
  const { role, done } = roleOf((value) => {
    if (value !== "ill") return;
    tries++;
    throw new StampedeError("DATABASE_UNAVAILABLE");
  });
  await send(topic, "a", "ill", "b");
  const runner = world.run(role, topic);
  await until("the others are done", () => done.length === 2);
  await until("the offsets are committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  expect(tries).toBe(5); // three with the batch, one with its half, one alone
  expect((await world.read(`${topic}.DLT`, 1)).map(text)).toEqual(["ill"]);
});

test("one poison record of a thousand is found by halves, in order, and is the only dead letter", async () => {
  const topic = await world.newTopic(1);
  let tries = 0;
  const { role, done } = roleOf(() => {});
  const counting: Role = {
    ...role,
    maxBatch: 1_000,
    handle: (records, signal) => {
      tries++;
      if (records.some((record) => text(record) === "700"))
        return Promise.reject(new StampedeError("VALIDATION_FAILED"));
      return role.handle(records, signal);
    },
  };
  const values = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  await send(topic, ...values);
  const runner = world.run(counting, topic);
  await until("the others are done", () => done.length === 999);
  await until("the offsets are committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  expect(done).toEqual(values.filter((value) => value !== "700"));
  // Once as a whole, then two halves for each of ten levels; the thousand may have come in a few batches.
  expect(tries).toBeLessThan(40);
  expect((await world.read(`${topic}.DLT`, 1)).map(text)).toEqual(["700"]);
  expect(await world.read(`${topic}.DLT`, 2, 500)).toHaveLength(1);
});

test("a partition that goes while a batch is being collected takes its records along, and the group is not turned back", async () => {
  const topic = await world.newTopic(2);
  const toPartition = (partition: number, ...values: string[]) =>
    world.rawProducer.sendAll(values.map((value) => ({ topic, value: `${partition} ${value}`, partition })));
  // It waits for a fifth record, for longer than this test takes.
  const slow = roleOf(() => {});
  await Promise.all([0, 1].map((partition) => toPartition(partition, "a", "b")));
  const assignments = () => world.lines.filter(({ message }) => message === "partitions assigned").length;
  const runner = world.run({ ...slow.role, maxBatch: 5, lingerMs: 120_000 }, topic);
  await Bun.sleep(2_000); // it holds all four now; if it had none yet, this test would prove nothing
  const other = roleOf(() => {});
  const visitor = world.run(other.role, topic);
  await until("the visitor has a partition", () => other.done.length >= 2);
  const taken = Number(other.done[0]!.split(" ")[0]);
  await toPartition(taken, "c", "d", "e");
  await until("the visitor is done with it", () => other.done.length === 5);
  const before = assignments();
  await visitor.stop(5_000);
  await until("the partition is back", () => assignments() > before);
  await toPartition(1 - taken, "c", "d", "e");
  await until("the batch is done", () => slow.done.length === 5);
  expect(slow.done).toEqual(["a", "b", "c", "d", "e"].map((value) => `${1 - taken} ${value}`));
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await Bun.sleep(1_000); // longer than between two commits
  expect(await world.lag(topic)).toBe(0);
  await runner.stop(1_000);
});

/** A runner whose consumers come from `consumer`. */
function runWith(role: Role, topic: string, consumer: Kafka["consumer"], ended: (error: unknown) => void = () => {}) {
  const observe = { batch() {}, retried() {}, deadLettered() {}, waiting() {} };
  const { log, rawProducer: producer } = world;
  const kafka = { ...world.neighbours.kafka, consumer };
  return startRunner({ ...role, topics: [topic], groupId: `group-${topic}` }, { kafka, producer, log, observe, ended });
}

test("a consumer that can never work again is replaced, as often as it takes", async () => {
  const topic = await world.newTopic(1);
  const { role, done } = roleOf(() => {});
  let made = 0;
  const runner = runWith(role, topic, (options) => {
    made++;
    if (made === 2) throw new KafkaError("UNAVAILABLE", "too many open files");
    const consumer = world.neighbours.kafka.consumer(options);
    if (made > 1) return consumer;
    return Object.assign(Object.create(consumer), {
      poll: () => Promise.reject(new KafkaError("FATAL", "it can never work again")),
      close: () => consumer.close(),
      assignment: () => consumer.assignment(),
    });
  });
  await send(topic, "a");
  await until("the third consumer works", () => done.length === 1);
  await runner.stop(1_000);
  expect(made).toBe(3);
});

test("a mistake of ours that no batch is to blame for ends the role, which is told", async () => {
  const topic = await world.newTopic(1);
  const { role } = roleOf(() => {});
  const waiting: Role["waiting"] = {
    firstOf: () => undefined,
    revoked() {},
    due() {
      throw new TypeError("a mistake");
    },
  };
  const errors: unknown[] = [];
  const kafka = world.neighbours.kafka;
  const runner = runWith(
    { ...role, waiting },
    topic,
    (options) => kafka.consumer(options),
    (error) => errors.push(error),
  );
  await until("it is told", () => errors.length > 0);
  await runner.stop(1_000);
  expect(errors).toEqual([new TypeError("a mistake")]);
});

test("a patient role waits as long as it takes, keeps its membership, and nothing is a dead letter", async () => {
  const topic = await world.newTopic(1);
  let ill = true;
  const { role, done } = roleOf(() => {
    if (ill) throw Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
  }, "wait");
  await send(topic, "a", "b");
  const runner = world.run(role, topic);
  await Bun.sleep(2_500); // past the moment from which it polls with its partitions paused
  await send(topic, "c");
  expect(done).toEqual([]);
  expect(runner.inHand()).toBeGreaterThan(0);
  ill = false;
  await until("all are done", () => done.length === 3);
  await until("the offsets are committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  expect(done).toEqual(["a", "b", "c"]);
  expect(await world.read(`${topic}.DLT`, 1, 1_000)).toEqual([]);
});

test("a stop commits what is done and leaves the rest to the next process", async () => {
  const topic = await world.newTopic(1);
  const values = Array.from({ length: 50 }, (_, i) => `v${i}`);
  const first = roleOf(() => Bun.sleep(5));
  const { role } = first;
  await send(topic, ...values);
  const runner = world.run({ ...role, maxBatch: 10 }, topic);
  await until("some are done", () => first.done.length >= 10);
  await runner.stop(5_000);
  const second = roleOf(() => {});
  const next = world.run(second.role, topic);
  await until("the rest is done", () => first.done.length + second.done.length >= 50);
  await next.stop(1_000);
  expect([...first.done, ...second.done].sort()).toEqual([...values].sort());
});

test("two processes of a role share the work", async () => {
  const topic = await world.newTopic(4);
  const [one, two] = [roleOf(() => Bun.sleep(1)), roleOf(() => Bun.sleep(1))];
  const runners = [world.run(one.role, topic), world.run(two.role, topic)];
  const values: string[] = [];
  await until("both have done something", async () => {
    const some = Array.from({ length: 40 }, (_, i) => `${values.length + i}`);
    values.push(...some);
    await world.rawProducer.sendAll(some.map((value, i) => ({ topic, value, partition: i % 4 })));
    await Bun.sleep(100);
    return one.done.length > 0 && two.done.length > 0;
  });
  await until("nothing is left", async () => (await world.lag(topic)) === 0);
  await Promise.all(runners.map((runner) => runner.stop(1_000)));
  expect(new Set([...one.done, ...two.done])).toEqual(new Set(values));
});

test("batches side by side are committed in order: a slow first one holds the offsets of the later ones back", async () => {
  const topic = await world.newTopic(1);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { role, done } = roleOf((value) => (value === "0" ? held : undefined));
  await send(topic, ...Array.from({ length: 20 }, (_, i) => String(i)));
  const runner = world.run({ ...role, concurrency: 2, maxBatch: 10, lingerMs: 50 }, topic);
  await until("the second batch is done", () => done.length >= 10);
  await Bun.sleep(300);
  expect(await world.lag(topic)).toBe(20);
  release();
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
});

test("a poison claim goes to the dead letters and into PostgreSQL; the other claims of its batch are persisted", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  await world.load(sale);
  const claims = await world.claim(sale, "ann", "bob");
  const records = claims.map((data) => JSON.stringify({ type: "CouponClaimed", eventId: data.requestId, data }));
  await send(topic, records[0]!, "{not json", '{"type":"CouponClaimed","data":{"slot":"x"}}', records[1]!);
  const runner = world.run(world.persistRole(), topic);
  await until("all is committed", async () => (await world.rows(sale)).length === 2 && (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  const letters = await world.read(`${topic}.DLT`, 2);
  await insertDeadLetters(world.db.sql, letters.map(deadLetterOf), policyOf(world.config));
  await insertDeadLetters(world.db.sql, letters.map(deadLetterOf), policyOf(world.config));
  const stored = await world.db.sql`SELECT * FROM dead_letters WHERE topic = ${topic} ORDER BY "offset"`;
  expect(stored).toHaveLength(2);
  expect(stored[0]).toMatchObject({ offset: "1", status: "PENDING", error_code: "VALIDATION_FAILED" });
  expect(new TextDecoder().decode(stored[0]!.value)).toBe("{not json");
  expect(deadLetters(async () => [], world.log).topics).toContain("coupon-issue-requests.DLT");
});

test("a claim that cannot be decided now does not hold up others and is settled when it can be", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  await world.load(sale);
  await world.settle(await world.claim(sale, "ann"));
  const lying = world.forged(sale, "eve", 1); // ann's slot
  const [bob] = await world.claim(sale, "bob");
  const records = [lying, bob!].map((data) => JSON.stringify({ type: "CouponClaimed", eventId: data.requestId, data }));
  await send(topic, ...records);
  const runner = world.run(world.persistRole(), topic);
  await until("bob is not held up", async () => (await world.rows(sale)).length === 2);
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(1_000);
  await world.load(sale, 2);
  const relay = startRelay(world.neighbours); // eve's claim waits in PostgreSQL, and this role settles it
  await until("eve has another slot", async () => (await world.rows(sale)).length === 3);
  await relay.stop(1_000);
  expect((await world.rows(sale)).map(({ user_id, slot }) => [user_id, slot])).toEqual([
    ["ann", 1],
    ["bob", 2],
    ["eve", 3],
  ]);
});

test("two persist processes share a rush, and every claim has one row", async () => {
  const topic = await world.newTopic(4);
  const sale = await world.newSale(5_000);
  await world.load(sale);
  const runners = [world.run(world.persistRole(), topic), world.run(world.persistRole(), topic)];
  for (let from = 0; from < 4_000; from += 500) {
    const claims = await world.claim(sale, ...Array.from({ length: 500 }, (_, i) => `user-${from + i}`));
    const values = claims.map((data) => JSON.stringify({ type: "CouponClaimed", eventId: data.requestId, data }));
    await world.rawProducer.sendAll(values.map((value, i) => ({ topic, value, partition: i % 4 })));
  }
  await world.rawProducer.sendAll([{ topic, value: null, headers: { "drain-marker": "1" } }]);
  await until("all are persisted", async () => (await world.rows(sale)).length === 4_000);
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await Promise.all(runners.map((runner) => runner.stop(2_000)));
  expect(await world.redis.xlen(`{c:${sale}}:ledger`)).toBe(0);
  expect(new Set(world.events(sale).map(({ eventId }) => eventId)).size).toBe(4_000);
  expect(await world.read(`${topic}.DLT`, 1, 500)).toEqual([]);
});

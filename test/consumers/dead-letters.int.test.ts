import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { republishDue } from "../../consumers/dead-letters/republish.ts";
import { composeDeadLetters } from "../../consumers/dead-letters/start.ts";
import type { Role } from "../../consumers/engine/role.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { createDatabase } from "../../db/client.ts";
import { insertDeadLetters } from "../../db/dead-letters/insert.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type IncomingRecord, KafkaError } from "../../kafka/kafka.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

setDefaultTimeout(180_000);
const PATIENCE_MS = 60_000;

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { DEAD_LETTER_RETRY_MS: "200", DEAD_LETTER_ATTEMPTS: "3" } });
}, WORLD_MS);
afterAll(() => world.close());

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await world.db.sql`DELETE FROM dead_letters`; // so that another test's letters are not sent again
});

const text = (bytes: Uint8Array | null | undefined) => new TextDecoder().decode(bytes ?? new Uint8Array());
const lettersOf = (topic: string) => world.db.sql<{ id: string; event_id: string; status: string; attempts: number }[]>`
  SELECT id, event_id, status, attempts FROM dead_letters WHERE topic = ${topic} ORDER BY id`;
const letterOf = async (topic: string) => (await lettersOf(topic))[0];
const become = (topic: string, status: string, attempts: number) =>
  until(
    `the letter is ${status} after ${attempts} attempts`,
    async () => {
      const letter = await letterOf(topic);
      return letter?.status === status && letter.attempts === attempts;
    },
    PATIENCE_MS,
  );
/** What has been logged in a topic so far. */
const logged = async (topic: string): Promise<IncomingRecord[]> => {
  const ends = await world.admin.endOffsets(topic);
  return world.read(
    topic,
    ends.reduce((sum, { offset }) => sum + offset, 0),
  );
};

/** A topic whose handler refuses "poison…" while it is ill, and the whole of role dead-letters behind it. */
async function illTopic() {
  const topic = await world.newTopic(2);
  const handler = { isIll: true, done: [] as string[] };
  const role: Role = {
    name: "tested",
    groupId: "set by the world",
    topics: [],
    patience: "wait",
    maxBatch: 10,
    lingerMs: 0,
    concurrency: 1,
    async handle(records) {
      const rejected = records.filter(({ value }) => handler.isIll && text(value).startsWith("poison"));
      handler.done.push(...records.filter((one) => !rejected.includes(one)).map(({ value }) => text(value)));
      return rejected.map((record) => ({ record, error: new StampedeError("VALIDATION_FAILED", "ill") }));
    },
  };
  const runner = world.run(role, topic);
  stops.push(() => runner.stop(2_000));
  const startRole = () => {
    const { role: storing, republisher } = composeDeadLetters(world.neighbours);
    const storer = world.run(storing, `${topic}.DLT`);
    stops.push(() => Promise.all([storer.stop(2_000), republisher.stop()]));
  };
  startRole();
  return { topic, handler, startRole };
}

test("a poisoned record heals: it is sent again until its handler is repaired, and then it is settled, once", async () => {
  const { topic, handler } = await illTopic();
  const value = new Uint8Array([...Buffer.from("poison"), 0, 255]);
  await world.rawProducer.send({ topic, key: "k", value, headers: { traceparent: "00-1" } });
  await until("it came back once", async () => ((await letterOf(topic))?.attempts ?? 0) > 0, PATIENCE_MS);
  handler.isIll = false;
  await until("it is handled", () => handler.done.length === 1, PATIENCE_MS);
  await until("it is marked", async () => (await letterOf(topic))?.status === "REPUBLISHED", PATIENCE_MS);
  const [letter, ...others] = await lettersOf(topic);
  expect(others).toEqual([]);
  const records = await logged(topic);
  expect(records).toHaveLength(letter!.attempts + 1);
  expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
  for (const [i, record] of records.entries()) {
    expect({ key: text(record.key), value: record.value }).toEqual({ key: "k", value });
    const headers = Object.fromEntries(Object.entries(record.headers).map(([name, bytes]) => [name, text(bytes)]));
    const again = { "event-id": letter!.event_id, "dead-letter-attempt": String(i) };
    expect(headers).toEqual({ traceparent: "00-1", ...(i === 0 ? {} : again) });
  }
  expect(handler.done).toHaveLength(1);
});

test("what never heals is given up after the last attempt, with an alarm; an operator's retry is one more", async () => {
  const { topic, handler } = await illTopic();
  await world.rawProducer.send({ topic, value: "poison" });
  await become(topic, "EXHAUSTED", 3);
  expect(await logged(topic)).toHaveLength(4);
  const given = world.lines.filter(
    ({ message, fields }) => message.startsWith("dead letter given up") && fields.topic === topic,
  );
  expect(given).toMatchObject([{ level: "error", fields: { topic, attempts: 3, errorCode: "VALIDATION_FAILED" } }]);
  await until("the metric shows it", async () => {
    return (await world.metrics.text()).includes('stampede_dead_letters{status="EXHAUSTED"} 1');
  });
  const retry = () => world.db.sql`UPDATE dead_letters SET status = 'PENDING', next_attempt_at = now()`;
  await retry();
  await become(topic, "EXHAUSTED", 4);
  handler.isIll = false;
  await retry();
  await until("it is handled", () => handler.done.length === 1, PATIENCE_MS);
  await become(topic, "REPUBLISHED", 5);
  expect(await lettersOf(topic)).toHaveLength(1);
});

test("a letter that is discarded while its copy is on the way stays discarded, and is never sent again", async () => {
  const { topic } = await illTopic();
  await world.rawProducer.send({ topic, value: "poison" });
  await until("it is stored", async () => (await letterOf(topic)) !== undefined, PATIENCE_MS);
  await world.db.sql`UPDATE dead_letters SET status = 'DISCARDED', next_attempt_at = NULL`;
  const { attempts } = (await letterOf(topic))!;
  await world.rawProducer.send({ topic, value: "poison two" });
  await until("another one is given up", async () => (await lettersOf(topic))[1]?.status === "EXHAUSTED", PATIENCE_MS);
  expect((await lettersOf(topic))[0]).toMatchObject({ status: "DISCARDED", attempts });
  expect(await logged(topic)).toHaveLength(attempts + 1 + 4);
});

test("a record that is too large for a letter is put aside by its place; what lies behind it goes on, and it is given up", async () => {
  const { topic, handler } = await illTopic();
  const strange = createBunKafka({
    brokers: world.config.KAFKA_BROKERS,
    clientId: "test",
    properties: { "message.max.bytes": "5000000" },
  }).producer();
  await strange.sendAll([
    { topic, partition: 0, value: "poison" },
    { topic, partition: 0, key: "large", value: `poison${" ".repeat(2_000_000)}` }, // compressed it is small
    { topic, partition: 0, value: "fine" },
  ]);
  await strange.close();
  await until("the one behind them is handled", () => handler.done.includes("fine"), PATIENCE_MS);
  const large = `${topic}/0/1`;
  const given = async () => (await lettersOf(topic)).filter(({ status }) => status === "EXHAUSTED");
  await until("both are given up", async () => (await given()).length === 2, PATIENCE_MS);
  expect((await given()).map(({ event_id }) => event_id).sort()).toEqual([`${topic}/0/0`, large]);
  const [row] = await world.db.sql`
    SELECT key, value, partition, "offset", attempts, error_code, error_message FROM dead_letters
    WHERE event_id = ${large}`;
  expect(row).toEqual({
    key: null,
    value: null,
    partition: 0,
    offset: "1",
    attempts: 3,
    error_code: "RECORD_TOO_LARGE",
    error_message: "2000011 bytes, too large for a dead letter: only its place is known",
  });
  expect(await logged(topic)).toHaveLength(3 + 3); // only the small one was sent again
});

/** Letters that are due, in the database alone. */
async function planted(topic: string, count: number): Promise<void> {
  const letters = Array.from({ length: count }, (_, i) => ({
    eventId: `${topic}-${String(i).padStart(4, "0")}`,
    topic,
    partition: 0,
    offset: i,
    key: Buffer.from("k"),
    value: Buffer.from(`value ${i}`),
    headers: {},
    errorCode: "X",
    errorMessage: "planted",
    attempt: 0,
  }));
  await insertDeadLetters(world.db.sql, letters, { attempts: 3, retryMs: 100 });
  await world.db.sql`UPDATE dead_letters SET next_attempt_at = now()`;
}

const policy = { attempts: 3, retryMs: 60_000 };
const quiet = { fault: () => {}, observe: { republished() {} } };
const forEver = new AbortController().signal;

test("two processes send each letter once an attempt, and in the order in which they died", async () => {
  const topic = await world.newTopic(1);
  await planted(topic, 230);
  const other = createDatabase(world.config.DATABASE_URL, { max: 2, name: "other" });
  const deps = { producer: world.rawProducer, policy, log: world.log, ...quiet };
  const sent = await Promise.all([world.db.sql, other.sql].map((sql) => republishDue({ ...deps, sql }, forEver)));
  await other.close();
  expect(sent[0]! + sent[1]!).toBe(230);
  const values = (await logged(topic)).map(({ value }) => text(value));
  expect(values).toHaveLength(230);
  expect(new Set(values).size).toBe(230);
  expect((await lettersOf(topic)).every((one) => one.status === "REPUBLISHED" && one.attempts === 1)).toBe(true);
  expect(await republishDue({ ...deps, sql: world.db.sql }, forEver)).toBe(0);
  await world.db.sql`UPDATE dead_letters SET status = 'PENDING'`;
  await republishDue({ ...deps, sql: world.db.sql }, forEver);
  const again = (await logged(topic)).slice(230).map(({ value }) => text(value));
  expect(again).toEqual(Array.from({ length: 230 }, (_, i) => `value ${i}`));
});

test("a process that dies between the log and the mark leaves the letter due; it is sent twice, as the same attempt", async () => {
  const topic = await world.newTopic(1);
  await planted(topic, 2);
  const dies = {
    ...quiet,
    fault: () => {
      throw new Error("killed");
    },
  };
  const deps = { sql: world.db.sql, producer: world.rawProducer, policy, log: world.log };
  await expect(republishDue({ ...deps, ...dies }, forEver)).rejects.toThrow("killed");
  expect(await lettersOf(topic)).toMatchObject([
    { status: "PENDING", attempts: 0 },
    { status: "PENDING", attempts: 0 },
  ]);
  expect(await republishDue({ ...deps, ...quiet }, forEver)).toBe(2);
  const attempts = (await logged(topic)).map(({ headers }) => text(headers["dead-letter-attempt"]));
  expect(attempts).toEqual(["1", "1", "1", "1"]);
  expect((await letterOf(topic))!).toMatchObject({ status: "REPUBLISHED", attempts: 1 });
});

test("a letter that Kafka refuses alone does not hold up the others; a log that is away costs no attempt", async () => {
  const topic = await world.newTopic(1);
  await planted(topic, 60);
  const refusing = (code: "RECORD_TOO_LARGE" | "DELIVERY_TIMEOUT", value: string) => ({
    sendAll: async (records: Parameters<typeof world.rawProducer.sendAll>[0]) => {
      if (records.some((record) => text(record.value as Uint8Array) === value)) throw new KafkaError(code, "refused");
      await world.rawProducer.sendAll(records);
    },
  });
  const deps = { sql: world.db.sql, policy, log: world.log, ...quiet };
  const statuses = async () => {
    const counts = new Map<string, number>();
    for (const { status, attempts } of await lettersOf(topic)) {
      counts.set(`${status} ${attempts}`, (counts.get(`${status} ${attempts}`) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  };
  // The first batch holds the refused one: the round ends with it, the rest is a later round's.
  expect(await republishDue({ ...deps, producer: refusing("RECORD_TOO_LARGE", "value 7") }, forEver)).toBe(49);
  expect(await statuses()).toEqual({ "REPUBLISHED 1": 49, "PENDING 1": 1, "PENDING 0": 10 });
  expect(await republishDue({ ...deps, producer: refusing("DELIVERY_TIMEOUT", "value 55") }, forEver)).toBe(9);
  expect(await statuses()).toEqual({ "REPUBLISHED 1": 58, "PENDING 1": 1, "PENDING 0": 1 });
  expect(await republishDue({ ...deps, producer: world.rawProducer }, forEver)).toBe(0); // both have a later date
  expect(await logged(topic)).toHaveLength(58);
});

test("a letter about a claim that was given up meanwhile is discarded, not sent", async () => {
  const topic = await world.newTopic(1);
  await planted(topic, 2);
  const [buried] = await lettersOf(topic);
  await world.db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch, status)
    VALUES (${await world.newSale(1)}, 'ann', NULL, ${buried!.event_id}, 1, 'REVOKED')`;
  const deps = { sql: world.db.sql, producer: world.rawProducer, policy, log: world.log, ...quiet };
  expect(await republishDue(deps, forEver)).toBe(1);
  expect((await lettersOf(topic)).map(({ status }) => status)).toEqual(["DISCARDED", "REPUBLISHED"]);
  expect((await logged(topic)).map(({ value }) => text(value))).toEqual(["value 1"]);
  const audit = await world.db.sql`SELECT actor, action FROM audit_log WHERE target = ${`dead-letter:${buried!.id}`}`;
  expect(audit.map(({ actor, action }) => [actor, action])).toEqual([["role:dead-letters", "dead-letter.discarded"]]);
});

import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { KafkaError } from "../../../kafka/kafka.ts";
import { delivered, eventually, failure, type OpenWorkbench, text } from "./workbench.ts";

/** Kafka's own vectors of murmur2 (its UtilsTest): where the Java client puts a key. */
const MURMUR2: Readonly<Record<string, number>> = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  abc: 479470107,
};

export function producingContract(open: OpenWorkbench): void {
  test("an acknowledgement names the place, and every field of the record comes back from there", async () => {
    await using bench = open();
    const topic = await bench.topic(3);
    const before = Date.now();
    const ack = await bench.producer().send({ topic, partition: 2, key: "käse", value: "wert €", headers: { a: "1" } });
    expect(ack).toEqual({ topic, partition: 2, offset: 0 });
    const [record, ...others] = await bench.readAll(topic, 1);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ topic, partition: 2, offset: 0 });
    expect(Buffer.from(record!.key!).toString()).toBe("käse");
    expect(text(record!)).toBe("wert €");
    expect(record!.timestamp).toBeGreaterThanOrEqual(before - 1);
    expect(record!.timestamp).toBeLessThanOrEqual(Date.now() + 1);
  });

  test("records of one partition arrive in the order in which they were sent", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer();
    const acks = await Promise.all(Array.from({ length: 20_000 }, (_, i) => producer.send({ topic, value: `${i}` })));
    expect(acks.map(({ offset }) => offset)).toEqual(acks.map((_, i) => i));
    expect((await bench.readAll(topic, 20_000)).map(text)).toEqual(acks.map((_, i) => `${i}`));
  });

  test("headers come back: text, bytes, empty and beyond ASCII, in a record with and without a key", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const bytes = new Uint8Array([0, 255, 10, 0]);
    const headers = { traceparent: "00-abc", bytes, empty: "", ümläut: "grüße" };
    const producer = bench.producer();
    await producer.send({ topic, value: "one", headers });
    await producer.send({ topic, key: "k", value: null, headers });
    await producer.send({ topic, value: "plain" });
    const [first, second, third] = await bench.readAll(topic, 3);
    for (const record of [first!, second!]) {
      expect(Object.keys(record.headers)).toEqual(Object.keys(headers));
      expect(Buffer.from(record.headers.traceparent!).toString()).toBe("00-abc");
      expect([...record.headers.bytes!]).toEqual([...bytes]);
      expect(record.headers.empty).toHaveLength(0);
      expect(Buffer.from(record.headers.ümläut!).toString()).toBe("grüße");
    }
    expect(second!.value).toBeNull();
    expect(Object.keys(third!.headers)).toEqual([]);
  });

  test("keys go where the Java client puts them", async () => {
    await using bench = open();
    const topic = await bench.topic(7);
    const producer = bench.producer();
    for (const [key, hash] of Object.entries(MURMUR2)) {
      expect((await producer.send({ topic, key, value: "v" })).partition).toBe((hash & 0x7fffffff) % 7);
    }
  });

  test("records without a key spread over all partitions", async () => {
    await using bench = open();
    const topic = await bench.topic(4);
    const producer = bench.producer();
    const seen = new Set<number>();
    // The sticky partitioner changes its mind every 10 ms; 300 changes miss one of four with 4 × 0.75^300.
    for (let i = 0; i < 300 && seen.size < 4; i++) {
      seen.add((await producer.send({ topic, value: `${i}` })).partition);
      await sleep(11);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  });

  test("empty, missing and 900 kB values are told apart and come back whole", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const large = crypto.getRandomValues(new Uint8Array(900_000).subarray(0, 65_536));
    const payload = new Uint8Array(900_000).map((_, i) => large[i % 65_536]! ^ (i >> 16));
    const producer = bench.producer();
    await producer.send({ topic, value: "" });
    await producer.send({ topic, value: new Uint8Array(0), key: "" });
    await producer.send({ topic, value: null, key: "gone" });
    await producer.send({ topic, value: payload });
    await producer.send({ topic, value: "€".repeat(300_000) });
    const [empty, emptyKey, missing, bytes, letters] = await bench.readAll(topic, 5);
    expect(empty!.value).toHaveLength(0);
    expect(empty!.key).toBeNull();
    expect(emptyKey!.value).toHaveLength(0);
    expect(emptyKey!.key).toHaveLength(0);
    expect(missing!.value).toBeNull();
    expect(Buffer.from(bytes!.value!).equals(payload)).toBe(true);
    expect(text(letters!)).toBe("€".repeat(300_000));
  });

  test("a record that is too large is refused for good, and the producer goes on", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer();
    const refused = await failure(producer.send({ topic, value: new Uint8Array(2_000_000) }));
    expect(refused).toBeInstanceOf(KafkaError);
    expect(refused).toMatchObject({ code: "RECORD_TOO_LARGE", retryable: false });
    expect(await producer.send({ topic, value: "small" })).toMatchObject({ offset: 0 });
  });

  test("a topic that does not exist is a specific error, until it exists", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    await bench.admin.deleteTopics([topic]);
    const producer = bench.producer();
    expect(await failure(producer.send({ topic, value: "x" }))).toMatchObject({ code: "UNKNOWN_TOPIC" });
    await bench.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, config: {} }]);
    await eventually("the new topic is found", () => delivered(producer.send({ topic, value: "y" })));
  });

  test("a full queue refuses with a retryable error and sends nothing", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer({ maxQueued: 10, lingerMs: 3_000 });
    const queued = Array.from({ length: 10 }, (_, i) => producer.send({ topic, value: `${i}` }));
    expect(await failure(producer.send({ topic, value: "over" }))).toMatchObject({
      code: "QUEUE_FULL",
      retryable: true,
    });
    expect(producer.stats()).toMatchObject({ queued: 10, sent: 10 });
    await Promise.all(queued);
    await producer.send({ topic, value: "again" });
    expect((await bench.readAll(topic, 11)).map(text)).toEqual([..."0123456789", "again"]);
  });

  test("a passed deadline rejects, and the late report is counted", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer({ lingerMs: 8_000 });
    const began = performance.now();
    const late = await failure(producer.send({ topic, value: "late" }, { deadlineMs: 50 }));
    expect(late).toMatchObject({ code: "ACK_DEADLINE", retryable: true });
    expect(performance.now() - began).toBeGreaterThanOrEqual(49);
    expect(performance.now() - began).toBeLessThan(7_000);
    expect(producer.stats()).toMatchObject({ queued: 1, acknowledged: 0 });
    const all = await failure(producer.sendAll([{ topic, value: "late, too" }], { deadlineMs: 50 }));
    expect(all).toMatchObject({ code: "ACK_DEADLINE" });
    await producer.flush(60_000);
    expect(producer.stats()).toMatchObject({ queued: 0, acknowledged: 2, failed: 0, connected: true });
    expect((await bench.readAll(topic, 2)).map(text)).toEqual(["late", "late, too"]);
  });

  test("sendAll resolves when all are stored, and names the first failure after the rest is stored", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const producer = bench.producer();
    await producer.sendAll([]);
    await producer.sendAll(Array.from({ length: 5_000 }, (_, i) => ({ topic, key: `${i}`, value: `${i}` })));
    expect(producer.stats()).toMatchObject({ queued: 0, acknowledged: 5_000 });
    const mixed = [
      { topic, value: "before" },
      { topic, value: new Uint8Array(2_000_000) },
      { topic, value: "after" },
    ];
    expect(await failure(producer.sendAll(mixed))).toMatchObject({ code: "RECORD_TOO_LARGE" });
    expect(producer.stats()).toMatchObject({ queued: 0, acknowledged: 5_002 });
    expect(await bench.readAll(topic, 5_002)).toHaveLength(5_002);
  });

  test("closing flushes what was sent; afterwards everything is refused with CLOSED", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer({ lingerMs: 300 });
    const sent = Array.from({ length: 1_000 }, (_, i) => producer.send({ topic, value: `${i}` }));
    await Promise.all([producer.close(), producer.close()]);
    expect(await Promise.all(sent)).toHaveLength(1_000);
    expect(await failure(producer.send({ topic, value: "x" }))).toMatchObject({ code: "CLOSED" });
    expect(await failure(producer.sendAll([{ topic, value: "x" }]))).toMatchObject({ code: "CLOSED" });
    expect(await failure(producer.flush(10))).toMatchObject({ code: "CLOSED" });
    expect(await bench.readAll(topic, 1_000)).toHaveLength(1_000);
  });
}

import { expect, test } from "bun:test";
import type { TopicPartition } from "../../../kafka/kafka.ts";
import { assigned, failure, type OpenWorkbench, read, text } from "./workbench.ts";

const values = (count: number, first = 0) => Array.from({ length: count }, (_, i) => `${i + first}`);

export function consumingContract(open: OpenWorkbench): void {
  test("a waiting poll is woken by a record, and answers an empty array after its time", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const consumer = bench.consumer(topic);
    await assigned(consumer, 1);
    const began = performance.now();
    expect(await consumer.poll(10, 300)).toEqual([]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(299);
    const woken = consumer.poll(10, 120_000);
    await bench.producer().send({ topic, value: "now" });
    const acknowledged = performance.now();
    expect((await woken).map(text)).toEqual(["now"]);
    expect(performance.now() - acknowledged).toBeLessThan(60_000); // long before its time
  });

  test("a poll never returns more than it was asked for, and nothing twice", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    await bench.producer().sendAll(values(1_000).map((value) => ({ topic, value })));
    const consumer = bench.consumer(topic);
    const all: string[] = [];
    while (all.length < 1_000) {
      const records = await consumer.poll(7, 5_000);
      expect(records.length).toBeLessThanOrEqual(7);
      all.push(...records.map(text));
    }
    expect(all).toEqual(values(1_000));
  });

  test("a committed group goes on where it stopped; what was not committed comes again", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const groupId = `g-${topic}`;
    await bench.producer().sendAll(values(100).map((value) => ({ topic, value })));
    const first = bench.consumer(topic, { groupId });
    expect((await read(first, 100)).map(text)).toEqual(values(100));
    await first.commit([{ topic, partition: 0, offset: 40 }]);
    await first.close();
    const second = bench.consumer(topic, { groupId });
    expect((await read(second, 60)).map(text)).toEqual(values(60, 40));
  });

  test("a group without offsets begins at the end when it is told so", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer();
    await producer.send({ topic, value: "old" });
    const consumer = bench.consumer(topic, { from: "latest" });
    // "The end" is looked up after the assignment; until a record of ours comes through it may not be known.
    const seen: string[] = [];
    for (let i = 0; seen.length === 0 && i < 600; i++) {
      await producer.send({ topic, value: `new ${i}` });
      seen.push(...(await consumer.poll(100, 100)).map(text));
    }
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain("old");
  });

  test("a paused partition is silent while the other goes on, and loses nothing", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const producer = bench.producer();
    const consumer = bench.consumer(topic);
    const send = (first: number) =>
      producer.sendAll([0, 1].flatMap((partition) => values(200, first).map((value) => ({ topic, partition, value }))));
    await send(0);
    // Some records of both are fetched already when the pause comes.
    const got = await read(consumer, 10);
    const paused: TopicPartition[] = [{ topic, partition: 0 }];
    consumer.pause(paused);
    const before = got.filter(({ partition }) => partition === 0).length;
    await send(200);
    const other = () => got.filter(({ partition }) => partition === 1).length;
    for (const until = Date.now() + 60_000; other() < 400 && Date.now() < until; ) {
      got.push(...(await consumer.poll(50, 200)));
    }
    got.push(...(await consumer.poll(50, 300)));
    expect(other()).toBe(400);
    expect(got.filter(({ partition }) => partition === 0)).toHaveLength(before);
    consumer.resume(paused);
    got.push(...(await read(consumer, 400 - before)));
    for (const partition of [0, 1]) {
      expect(got.filter((record) => record.partition === partition).map(text)).toEqual(values(400));
    }
  });

  test("a seek goes back and forth, and what was fetched before it is forgotten", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    await bench.producer().sendAll(values(500).map((value) => ({ topic, value })));
    const consumer = bench.consumer(topic);
    expect((await read(consumer, 1))[0]!.offset).toBe(0);
    await consumer.seek({ topic, partition: 0, offset: 490 });
    expect((await read(consumer, 10)).map(text)).toEqual(values(10, 490));
    await consumer.seek({ topic, partition: 0, offset: 0 });
    expect((await read(consumer, 500)).map(text)).toEqual(values(500));
    expect(await failure(consumer.seek({ topic, partition: 7, offset: 0 }))).toMatchObject({ code: "REBALANCED" });
  });

  test("a closed consumer refuses everything with CLOSED, a waiting poll included", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const consumer = bench.consumer(topic);
    const waiting = failure(consumer.poll(1, 30_000));
    await consumer.close();
    await consumer.close();
    expect(await waiting).toMatchObject({ code: "CLOSED" });
    expect(await failure(consumer.poll(1, 0))).toMatchObject({ code: "CLOSED" });
    expect(await failure(consumer.commit([{ topic, partition: 0, offset: 1 }]))).toMatchObject({ code: "CLOSED" });
    expect(await failure(consumer.seek({ topic, partition: 0, offset: 0 }))).toMatchObject({ code: "CLOSED" });
    expect(() => consumer.pause([])).toThrow();
    expect(consumer.assignment()).toEqual([]);
  });

  test("closing does not hang on a topic that was just deleted", async () => {
    await using bench = open();
    for (let i = 0; i < 5; i++) {
      const topic = await bench.topic(1);
      await bench.producer().send({ topic, value: "v" });
      const consumer = bench.consumer(topic);
      await read(consumer, 1);
      await bench.admin.deleteTopics([topic]);
      await consumer.close();
    }
  });
}

import { expect, test } from "bun:test";
import type { CreateKafka } from "../../../kafka/kafka.ts";
import { failure, type OpenWorkbench, read } from "./workbench.ts";

export function administrationContract(open: OpenWorkbench, createKafka: CreateKafka): void {
  test("topics are created, described, extended and deleted", async () => {
    await using bench = open();
    const { admin } = bench;
    const name = await bench.topic(2);
    expect(await admin.describeTopics([name, "no-such-topic"])).toMatchObject([
      { name, partitions: 2, replicationFactor: 1 },
    ]);
    // What exists already is left as it is.
    await admin.createTopics([{ name, partitions: 5, replicationFactor: 1, config: {} }]);
    await admin.createPartitions(name, 3);
    expect(await admin.describeTopics([name])).toMatchObject([{ name, partitions: 3, replicationFactor: 1 }]);
    expect(await failure(admin.createPartitions(name, 1))).toMatchObject({ code: "INVALID", retryable: false });
    await admin.deleteTopics([name]);
    expect(await failure(admin.deleteTopics([name]))).toMatchObject({ code: "UNKNOWN_TOPIC" });
  });

  test("a topic begins with the configuration it was given", async () => {
    await using bench = open();
    const topic = await bench.topic(1, { "max.message.bytes": "1000" });
    const producer = bench.producer({ compression: "none" });
    expect(await failure(producer.send({ topic, value: new Uint8Array(2_000) }))).toMatchObject({
      code: "RECORD_TOO_LARGE",
    });
  });

  test("end offsets and a group's lag are counted per partition", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const groupId = `g-${topic}`;
    await bench.producer().sendAll(Array(10).fill({ topic, partition: 0, value: "v" }));
    expect(await bench.admin.endOffsets(topic)).toEqual([
      { topic, partition: 0, offset: 10 },
      { topic, partition: 1, offset: 0 },
    ]);
    expect(await bench.admin.groupLag(groupId, [topic])).toEqual([
      { topic, partition: 0, committed: -1, end: 10, lag: 10 },
      { topic, partition: 1, committed: -1, end: 0, lag: 0 },
    ]);
    const consumer = bench.consumer(topic, { groupId });
    await read(consumer, 10);
    await consumer.commit([{ topic, partition: 0, offset: 4 }]);
    expect(await bench.admin.groupLag(groupId, [topic])).toEqual([
      { topic, partition: 0, committed: 4, end: 10, lag: 6 },
      { topic, partition: 1, committed: -1, end: 0, lag: 0 },
    ]);
    expect(await failure(bench.admin.endOffsets("no-such-topic"))).toMatchObject({ code: "UNKNOWN_TOPIC" });
  });

  test("properties that a client does not know are a word in its log, and it works all the same", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const words: string[] = [];
    const kafka = createKafka({
      brokers: bench.broker.address,
      clientId: "contract",
      properties: { "session.timeout.ms": "6000" }, // a consumer's
      log: (_level, message) => words.push(message),
    });
    const [producer, admin] = [kafka.producer(), kafka.admin()];
    expect(await producer.send({ topic, value: "v" }, { deadlineMs: 60_000 })).toMatchObject({
      partition: 0,
      offset: 0,
    });
    expect(await admin.endOffsets(topic)).toEqual([{ topic, partition: 0, offset: 1 }]);
    expect(words.join()).toContain("session.timeout.ms");
    await Promise.all([producer.close(), admin.close()]);
  });

  test("brokers are counted; where no broker answers it says UNAVAILABLE in time, and the event loop goes on", async () => {
    await using bench = open();
    expect(await bench.admin.brokers(60_000)).toBe(1);
    const nobody = createKafka({ brokers: "127.0.0.1:1", clientId: "contract" }).admin();
    let [last, longestGap] = [performance.now(), 0];
    const beat = setInterval(() => {
      longestGap = Math.max(longestGap, performance.now() - last);
      last = performance.now();
    }, 5);
    const began = performance.now();
    expect(await failure(nobody.brokers(5_000))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(performance.now() - began).toBeLessThan(30_000);
    clearInterval(beat);
    expect(longestGap).toBeLessThan(4_500); // a call that blocked would have left out all five seconds
    await nobody.close();
    expect(await failure(nobody.brokers(100))).toMatchObject({ code: "CLOSED" });
  });

  test("a property that librdkafka does not know is refused with its words", async () => {
    await using bench = open();
    const kafka = createKafka({ brokers: bench.broker.address, clientId: "contract", properties: { "no.such": "1" } });
    expect(() => kafka.producer()).toThrow(/no\.such/);
  });
}

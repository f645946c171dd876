import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allTopics } from "../../contracts/topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { OperatorsKafka, TopicAdmin } from "../../kafka/kafka.ts";
import { applyTopics, describeDifference, diffTopics, topicCompression } from "../../kafka/topics.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";

setDefaultTimeout(180_000);

const durability = { replicationFactor: 1, minInsyncReplicas: 1 };
let broker: Broker;
let kafka: OperatorsKafka;
let admin: TopicAdmin;

beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-topics-")), port: testPort(2) });
  await broker.start();
  kafka = createBunKafka({ brokers: broker.address, clientId: "topics" }, process.env.LIBRDKAFKA_PATH);
  admin = kafka.admin();
});
afterAll(async () => {
  await admin.close();
  await broker.remove();
});

test("an empty cluster lacks every topic; applied once it lacks none, and applying again does nothing", async () => {
  const names = [...allTopics().keys()];
  expect((await diffTopics(admin, durability)).map(({ kind, topic }) => `${kind} ${topic}`)).toEqual(
    names.map((name) => `missing ${name}`),
  );
  expect((await applyTopics(admin, durability)).done).toHaveLength(names.length);
  expect(await diffTopics(admin, durability)).toEqual([]);
  expect(await applyTopics(admin, durability)).toEqual({ done: [], left: [] });
});

test("what an operator changed is put right, what cannot be is said, and nothing is deleted", async () => {
  const topic = "stock-events";
  await admin.createTopics([{ name: "somebody-elses", partitions: 1, replicationFactor: 1, config: {} }]);
  await admin.deleteTopics(["coupon-issue-requests"]);
  await admin.createTopics([{ name: "coupon-issue-requests", partitions: 2, replicationFactor: 1, config: {} }]);
  await admin.alterTopicConfig(topic, { "retention.ms": "1000", "segment.ms": "600000" });
  const { done } = await applyTopics(admin, durability);
  expect(done.map(describeDifference)).toContain(`${topic}: retention.ms is 1000, wanted 259200000`);
  expect(done.map(describeDifference)).toContain("coupon-issue-requests: 2 partitions, wanted 6");
  expect(await diffTopics(admin, durability)).toEqual([]);
  const [kept] = await admin.describeTopics([topic]);
  expect(kept!.config["segment.ms"]).toBe("600000");
  expect(await admin.describeTopics(["somebody-elses"])).toHaveLength(1);
  const three = await applyTopics(admin, { replicationFactor: 3, minInsyncReplicas: 1 });
  const more = [...allTopics()].filter(([, { partitionsOnOneBroker }]) => partitionsOnOneBroker !== undefined);
  expect(three.done.map(({ kind, topic: name }) => `${kind} ${name}`)).toEqual(
    more.map(([name]) => `partitions ${name}`),
  );
  expect(three.left).toHaveLength(allTopics().size);
});

test("a record of the largest size is taken uncompressed, and the codec of a topic is the declared one", async () => {
  const producer = kafka.producer({ compression: "none" });
  await producer.send({ topic: "order-events", key: "k", value: new Uint8Array(1_040_000) });
  await producer.close();
  // The codec of a batch is in the low bits of its attributes, byte 22 of the segment file (record batch, version 2).
  const codecs = kafka.producer({ topicCompression: topicCompression() });
  const value = "compressible ".repeat(1_000);
  for (const [topic, codec] of [
    ["coupon-requests", 2],
    ["coupon-events", 3],
  ] as const) {
    const { partition } = await codecs.send({ topic, value });
    const segment = join(broker.dataDir, "log", `${topic}-${partition}`, `${"0".repeat(20)}.log`);
    expect((await Bun.file(segment).bytes())[22]! & 7).toBe(codec);
  }
  await codecs.close();
});

test("a topic's configuration is described, and a change leaves its other settings alone", async () => {
  const name = "configured";
  await admin.createTopics([{ name, partitions: 1, replicationFactor: 1, config: { "retention.ms": "3600000" } }]);
  const described = (config: Record<string, string>) => [{ name, partitions: 1, replicationFactor: 1, config }];
  expect(await admin.describeTopics([name])).toEqual(described({ "retention.ms": "3600000" }));
  await admin.alterTopicConfig(name, { "max.message.bytes": "2000000" });
  await admin.alterTopicConfig(name, { "retention.ms": "7200000" });
  expect(await admin.describeTopics([name])).toEqual(
    described({ "retention.ms": "7200000", "max.message.bytes": "2000000" }),
  );
});

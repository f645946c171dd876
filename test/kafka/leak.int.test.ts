import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";
import { openWorkbench, read } from "./contract/workbench.ts";

setDefaultTimeout(120_000);

const CHUNK = 50_000;
const CHUNKS = 20;
/** Chunks before memory is compared: 200,000 records, after which the allocators' pools have their size. */
const WARM_UP = 4;
/**
 * Losing one of the smallest pieces a record can leave behind, an rd_kafka_op_t or a payload of some 100 bytes, would
 * show as 80 MB after 800,000 records. Pools and the JavaScript heap move by less than 20 MB on their own.
 */
const ALLOWED_GROWTH_MB = 30;

let broker: Broker;
beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-leak-")), port: testPort(1) });
  await broker.start();
});
afterAll(() => broker.remove());

const open = () => openWorkbench((options) => createBunKafka(options, process.env.LIBRDKAFKA_PATH), broker);

function rssMb(): number {
  Bun.gc(true);
  return process.memoryUsage.rss() / 1024 / 1024;
}

test("a million records produced and consumed leave no memory behind", async () => {
  await using bench = open();
  const topic = await bench.topic(3);
  const [producer, consumer] = [bench.producer(), bench.consumer(topic)];
  const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  const sizes: number[] = [];
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const value = (i: number) => JSON.stringify({ chunk, i, filler: "x".repeat(100) });
    for (let first = 0; first < CHUNK; first += 2_000) {
      const numbers = Array.from({ length: 2_000 }, (_, i) => first + i);
      // Every way through the adapter: with and without key, headers and deadline, one by one and together.
      const [single, together] = [numbers.slice(0, 1_000), numbers.slice(1_000)];
      await Promise.all([
        ...single.map((i) => producer.send({ topic, value: value(i) }, { deadlineMs: 60_000 })),
        producer.sendAll(
          together.map((i) => ({ topic, key: `${i}`, value: value(i), ...(i % 10 === 0 ? { headers } : {}) })),
        ),
      ]);
    }
    const records = await read(consumer, CHUNK, 60_000);
    expect(records).toHaveLength(CHUNK);
    await consumer.commit(consumer.assignment().map((owned) => ({ ...owned, offset: lastOffset(records, owned) + 1 })));
    sizes.push(rssMb());
  }
  expect(producer.stats()).toMatchObject({ acknowledged: CHUNK * CHUNKS, queued: 0, failed: 0 });
  if (process.env.SHOW_RSS) console.log(sizes.map((size) => size.toFixed(0)).join(" "));
  expect(sizes.at(-1)! - sizes[WARM_UP - 1]!).toBeLessThan(ALLOWED_GROWTH_MB);
});

test("clients that come and go leave no threads and no file descriptors behind", async () => {
  const [threads, descriptors] = ["/proc/self/task", "/proc/self/fd"];
  const count = async (folder: string) => (await readdir(folder)).length;
  const cycle = async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    await bench.producer().send({ topic, value: "v" });
    await read(bench.consumer(topic), 1);
    await bench.admin.groupLag(`g-${topic}`, [topic]);
  };
  await cycle();
  const before = [await count(threads), await count(descriptors)] as const;
  for (let i = 0; i < 20; i++) await cycle();
  await Bun.sleep(1_500); // a consumer's threads end after it was closed
  // Each leaked client would hold at least three threads and two descriptors.
  expect(await count(threads)).toBeLessThanOrEqual(before[0] + 3);
  expect(await count(descriptors)).toBeLessThanOrEqual(before[1] + 3);
});

function lastOffset(records: readonly { partition: number; offset: number }[], owned: { partition: number }): number {
  return records.findLast(({ partition }) => partition === owned.partition)?.offset ?? -1;
}

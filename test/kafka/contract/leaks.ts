import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { eventually, type OpenWorkbench, read } from "./workbench.ts";

export interface LeakOptions {
  /** How many records in all, at least nine chunks of 50,000. */
  readonly records: number;
  /** How much memory may grow after the first 300,000 records, MB. */
  readonly allowedGrowthMb: number;
  /** Frees what JavaScript does not hold any more. */
  readonly collectGarbage: () => void;
}

const CHUNK = 50_000;
/** Chunks until the allocators' pools have their size. */
const WARM_UP = 3;
/** A pool that grows for one chunk and shrinks in the next is no leak: the smallest of so many sizes counts. */
const WINDOW = 3;

export function leaksContract(open: OpenWorkbench, options: LeakOptions): void {
  const rssMb = () => {
    options.collectGarbage();
    return process.memoryUsage.rss() / 1024 / 1024;
  };

  test(`${options.records} records produced and consumed leave no memory behind`, async () => {
    await using bench = open();
    const topic = await bench.topic(3);
    const [producer, consumer] = [bench.producer(), bench.consumer(topic)];
    const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
    const chunks = options.records / CHUNK;
    const sizes: number[] = [];
    for (let chunk = 0; chunk < chunks; chunk++) {
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
      await consumer.commit(
        consumer.assignment().map((owned) => ({ ...owned, offset: lastOffset(records, owned) + 1 })),
      );
      sizes.push(rssMb());
    }
    expect(producer.stats()).toMatchObject({ acknowledged: options.records, queued: 0, failed: 0 });
    if (process.env.SHOW_RSS) console.log(sizes.map((size) => size.toFixed(0)).join(" "));
    const early = Math.min(...sizes.slice(WARM_UP, WARM_UP + WINDOW));
    const late = Math.min(...sizes.slice(-WINDOW));
    expect(late - early).toBeLessThan(options.allowedGrowthMb);
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
    for (let i = 0; i < 10; i++) await cycle();
    // Each leaked client would hold at least three threads and two descriptors; a consumer's end after it was closed.
    await eventually("no threads are left", async () => (await count(threads)) <= before[0] + 3);
    await eventually("no descriptors are left", async () => (await count(descriptors)) <= before[1] + 3);
  });
}

function lastOffset(records: readonly { partition: number; offset: number }[], owned: { partition: number }): number {
  return records.findLast(({ partition }) => partition === owned.partition)?.offset ?? -1;
}

import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, IncomingRecord, TopicPartition } from "../../../kafka/kafka.ts";
import { assigned, eventually, type OpenWorkbench, read, text } from "./workbench.ts";

/** Commits everything of a batch. */
async function commitAll(consumer: Consumer, records: readonly IncomingRecord[]): Promise<void> {
  const ends = new Map(
    records.map(({ topic, partition, offset }) => [partition, { topic, partition, offset: offset + 1 }]),
  );
  await consumer.commit([...ends.values()]);
}

export function groupsContract(open: OpenWorkbench): void {
  test("two consumers share a group; one joins and one leaves while records flow, and nothing is lost", async () => {
    await using bench = open();
    const topic = await bench.topic(4);
    const groupId = `g-${topic}`;
    const producer = bench.producer();
    const changes: string[] = [];
    const seen = new Map<string, number>();
    const consumeUntil = async (name: string, stop: () => boolean) => {
      const consumer = bench.consumer(topic, { groupId, onRebalance: (change) => changes.push(`${name} ${change}`) });
      let largest = 0;
      while (!stop()) {
        const records = await consumer.poll(100, 100);
        for (const record of records) seen.set(text(record), (seen.get(text(record)) ?? 0) + 1);
        largest = Math.max(largest, new Set(records.map(({ partition }) => partition)).size);
        await commitAll(consumer, records);
      }
      await consumer.close();
    };
    let [produced, bJoined, bLeft, done] = [0, false, false, false];
    const producing = (async () => {
      while (!done) {
        await producer.sendAll(Array.from({ length: 50 }, () => ({ topic, value: `${produced++}` })));
        await sleep(5);
      }
    })();
    const a = consumeUntil("a", () => done && seen.size === produced);
    await eventually("a consumes", () => seen.size > 200);
    const b = consumeUntil("b", () => bLeft);
    await eventually("b was given partitions", () => {
      bJoined = changes.includes("b assigned") && changes.includes("a revoked");
      return bJoined;
    });
    const shared = seen.size;
    await eventually("both consume", () => seen.size > shared + 500);
    bLeft = true;
    await b;
    await eventually("a has everything back", () => changes.filter((change) => change === "a assigned").length >= 2);
    const alone = seen.size;
    await eventually("a goes on", () => seen.size > alone + 500);
    done = true;
    await producing;
    await a;
    expect(seen.size).toBe(produced);
    const lag = await bench.admin.groupLag(groupId, [topic]);
    expect(lag.map(({ lag }) => lag)).toEqual([0, 0, 0, 0]);
  });

  test("a commit made while the group changes is stored for the partitions that stay", async () => {
    await using bench = open();
    const topic = await bench.topic(4);
    const groupId = `g-${topic}`;
    const producer = bench.producer();
    const send = () => producer.sendAll([0, 1, 2, 3].map((partition) => ({ topic, partition, value: "v" })));
    await send();
    const first = bench.consumer(topic, { groupId });
    await read(first, 4);
    const second = bench.consumer(topic, { groupId });
    const joined = () => second.assignment().length === 2 && first.assignment().length === 2;
    const stored: string[] = [];
    const position = new Map<number, number>();
    await eventually("the second has its share", async () => {
      await send();
      const records = await first.poll(100, 50);
      for (const { partition, offset } of records) position.set(partition, offset + 1);
      const offsets = [...position].map(([partition, offset]) => ({ topic, partition, offset }));
      await first.commit(offsets);
      const ours = new Set(first.assignment().map(({ partition }) => partition));
      for (const { partition, committed } of await bench.admin.groupLag(groupId, [topic])) {
        // What `commit` has said to be stored must be there, whether or not anything is committed after it.
        const promised = position.get(partition) ?? -1;
        if (ours.has(partition)) stored.push(committed >= promised ? "stored" : `${committed} of ${promised}`);
        else position.delete(partition);
      }
      await second.poll(100, 1);
      return joined();
    });
    expect(stored.length).toBeGreaterThan(4);
    expect(stored.filter((what) => what !== "stored")).toEqual([]);
  });

  test("a commit for a partition that was lost is left out, and moves no group back", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const groupId = `g-${topic}`;
    const producer = bench.producer();
    await producer.sendAll([0, 1].flatMap((partition) => Array(10).fill({ topic, partition, value: "v" })));
    const first = bench.consumer(topic, { groupId });
    await read(first, 20);
    const second = bench.consumer(topic, { groupId });
    await eventually("the partitions are shared", async () => {
      await Promise.all([first.poll(1, 50), second.poll(1, 50)]);
      return first.assignment().length === 1 && second.assignment().length === 1;
    });
    const lost = second.assignment()[0]!;
    await second.commit([{ ...lost, offset: 9 }]);
    await first.commit([0, 1].map((partition) => ({ topic, partition, offset: 3 })));
    const lag = await bench.admin.groupLag(groupId, [topic]);
    expect(lag.find(({ partition }) => partition === lost.partition)!.committed).toBe(9);
    expect(lag.find(({ partition }) => partition !== lost.partition)!.committed).toBe(3);
  });

  test("a partition that was paused, lost and resumed meanwhile flows when it comes back", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const groupId = `g-${topic}`;
    const producer = bench.producer();
    const both = [0, 1].map((partition) => ({ topic, partition }));
    const first = bench.consumer(topic, { groupId });
    await assigned(first, 2);
    first.pause(both);
    const second = bench.consumer(topic, { groupId });
    await eventually("the partitions are shared", async () => {
      await Promise.all([first.poll(1, 50), second.poll(1, 50)]);
      return first.assignment().length === 1 && second.assignment().length === 1;
    });
    first.resume(both); // as far as it has them
    await second.close();
    await assigned(first, 2);
    await producer.sendAll(both.map((partition) => ({ ...partition, value: "v" })));
    const records = await read(first, 2);
    expect(records.map(({ partition }) => partition).sort()).toEqual([0, 1]);
  });

  test("a consumer that closes while another one joins leaves its partitions at once", async () => {
    await using bench = open();
    const topic = await bench.topic(4);
    const groupId = `g-${topic}`;
    // Far longer than the test waits: partitions that were not given up would come only then.
    const options = { groupId, sessionTimeoutMs: 600_000 };
    let owner = bench.consumer(topic, options);
    await assigned(owner, 4);
    // The owner hears of the newcomer with its next heartbeat, within a second: before, during and after that.
    for (let waitMs = 0; waitMs <= 1_400; waitMs += 200) {
      const newcomer = bench.consumer(topic, options);
      await newcomer.poll(1, waitMs);
      await owner.close();
      await assigned(newcomer, 4);
      owner = newcomer;
    }
  });

  test("the assignment is what the group gave, and is told in between", async () => {
    await using bench = open();
    const topic = await bench.topic(3);
    const told: [string, readonly TopicPartition[]][] = [];
    const consumer = bench.consumer(topic, { onRebalance: (change, partitions) => told.push([change, partitions]) });
    expect(consumer.assignment()).toEqual([]);
    await assigned(consumer, 3);
    const numbers = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).sort();
    expect(numbers(consumer.assignment())).toEqual([0, 1, 2]);
    await consumer.close();
    expect(told.map(([change]) => change)).toEqual(["assigned", "revoked"]);
    expect(told.map(([, partitions]) => numbers(partitions))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  test("a consumer that is slow with a batch is not thrown out of its group", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    await bench.producer().sendAll(Array(10).fill({ topic, value: "v" }));
    const changes: string[] = [];
    const consumer = bench.consumer(topic, {
      sessionTimeoutMs: 6_000,
      onRebalance: (change) => changes.push(change),
    });
    const records = await read(consumer, 10);
    await sleep(8_000); // longer than the session timeout: librdkafka's heartbeats are not ours
    await commitAll(consumer, records);
    expect(await consumer.poll(10, 200)).toEqual([]);
    expect(changes).toEqual(["assigned"]);
  });

  test("a consumer that polls no more loses its partitions to others, and is given its share when it polls again", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const groupId = `g-${topic}`;
    const options = { groupId, sessionTimeoutMs: 6_000, maxPollIntervalMs: 6_000 };
    const [stuck, other] = [bench.consumer(topic, options), bench.consumer(topic, options)];
    await eventually("they share", async () => {
      await Promise.all([stuck.poll(1, 50), other.poll(1, 50)]);
      return stuck.assignment().length === 1 && other.assignment().length === 1;
    });
    await eventually("the other has everything", async () => {
      await other.poll(1, 50);
      return other.assignment().length === 2;
    });
    await eventually("they share again", async () => {
      await Promise.all([stuck.poll(1, 50), other.poll(1, 50)]);
      return stuck.assignment().length === 1 && other.assignment().length === 1;
    });
  });
}

import { expect, test } from "bun:test";
import type { TopicPartitionOffset } from "../../kafka/kafka.ts";
import { CommitQueue } from "./commit-queue.ts";

const read = (partition: number, ...offsets: number[]) => offsets.map((offset) => ({ topic: "t", partition, offset }));

function queue(commit?: (offsets: readonly TopicPartitionOffset[]) => Promise<void>, rest?: () => Promise<void>) {
  const committed: string[] = [];
  const errors: unknown[] = [];
  const commits = new CommitQueue(
    async (offsets) => {
      await commit?.(offsets);
      committed.push(offsets.map(({ partition, offset }) => `${partition}:${offset}`).join(" "));
    },
    (error) => errors.push(error),
    undefined,
    rest,
  );
  return { commits, committed, errors };
}

test("the offset after the last record of each partition is committed", async () => {
  const { commits, committed } = queue();
  commits.done(commits.positionsAfter([...read(0, 5, 6), ...read(1, 9), ...read(0, 7)]));
  await commits.flush();
  expect(committed).toEqual(["0:8 1:10"]);
});

test("what becomes committable during a commit goes with the next one", async () => {
  let release = () => {};
  let first = true;
  const { commits, committed } = queue(() => {
    if (!first) return Promise.resolve();
    first = false;
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  for (let offset = 0; offset < 4; offset++) commits.done(commits.positionsAfter(read(0, offset)));
  release();
  await commits.flush();
  expect(committed).toEqual(["0:1", "0:4"]);
});

test("between two commits it rests; what was done meanwhile is committed at once in the end", async () => {
  const rested = Promise.withResolvers<void>();
  const resting = Promise.withResolvers<void>();
  const { commits, committed } = queue(undefined, () => {
    resting.resolve();
    return rested.promise;
  });
  commits.done(commits.positionsAfter(read(0, 0)));
  await resting.promise;
  expect(committed).toEqual(["0:1"]);
  for (let offset = 1; offset < 4; offset++) {
    commits.done(commits.positionsAfter(read(0, offset)));
    await Bun.sleep(0);
  }
  const flushed = commits.flush();
  await Bun.sleep(0);
  expect(committed).toEqual(["0:1"]);
  rested.resolve();
  await flushed;
  expect(committed).toEqual(["0:1", "0:4"]);
});

test("a failed commit is kept and tried again", async () => {
  let fail = true;
  const { commits, committed, errors } = queue(async () => {
    if (fail) throw new Error("coordinator away");
  });
  commits.done(commits.positionsAfter(read(0, 3)));
  await commits.flush();
  expect(committed).toEqual([]);
  expect(errors.length).toBeGreaterThan(0);
  fail = false;
  await commits.flush();
  expect(committed).toEqual(["0:4"]);
});

test("a batch that was read before its partition went away commits nothing, even if the partition came back", async () => {
  const { commits, committed } = queue();
  const old = commits.positionsAfter([...read(0, 3), ...read(1, 3)]);
  commits.revoked([{ topic: "t", partition: 0 }]);
  const fresh = commits.positionsAfter(read(0, 10));
  commits.done(fresh);
  commits.done(old);
  await commits.flush();
  expect(committed.join(" ").split(" ").sort()).toEqual(["0:11", "1:4"]);
});

test("records are judged by the poll that brought them, not by the beginning of their batch", async () => {
  const { commits, committed } = queue();
  const first = commits.positionsAfter([...read(0, 3), ...read(1, 3)]);
  commits.revoked([{ topic: "t", partition: 0 }]); // while the batch was still being collected
  commits.done(commits.positionsAfter(read(1, 4), first));
  await commits.flush();
  expect(committed).toEqual(["1:5"]);
  const second = commits.positionsAfter(read(0, 3, 4));
  commits.revoked([{ topic: "t", partition: 0 }]);
  commits.done(commits.positionsAfter(read(0, 20), second)); // it came back, further on
  await commits.flush();
  expect(committed).toEqual(["1:5", "0:21"]);
});

test("a record that waits holds its partition's offset, once, until it is dealt with", async () => {
  let waits: number | undefined = 4;
  const committed: string[] = [];
  const commits = new CommitQueue(
    async (offsets) => void committed.push(offsets.map(({ partition, offset }) => `${partition}:${offset}`).join(" ")),
    () => {},
    ({ partition }) => (partition === 0 ? waits : undefined),
  );
  commits.done(commits.positionsAfter([...read(0, 4, 5), ...read(1, 9)]));
  await commits.flush();
  commits.done(commits.positionsAfter(read(0, 6)));
  await commits.flush();
  expect(committed).toEqual(["0:4 1:10"]);
  waits = undefined;
  await commits.flush();
  expect(committed).toEqual(["0:4 1:10", "0:7"]);
});

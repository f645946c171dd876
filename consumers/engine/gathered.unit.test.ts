import { expect, test } from "bun:test";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { CommitQueue } from "./commit-queue.ts";
import { Gathered } from "./gathered.ts";

const read = (partition: number, ...offsets: number[]): IncomingRecord[] =>
  offsets.map((offset) => ({ topic: "t", partition, offset, key: null, value: null, headers: {}, timestamp: 0 }));
const places = (records: readonly IncomingRecord[]) => records.map(({ partition, offset }) => `${partition}:${offset}`);

function gathering() {
  const committed: string[] = [];
  const commits = new CommitQueue(
    async (offsets) => void committed.push(...offsets.map(({ partition, offset }) => `${partition}:${offset}`)),
    () => {},
  );
  const gathered = new Gathered(commits);
  const revoke = (partition: number) => {
    commits.revoked([{ topic: "t", partition }]);
    gathered.revoked([{ topic: "t", partition }]);
  };
  return { gathered, commits, committed, revoke };
}

test("several polls make one batch, and it is taken once", async () => {
  const { gathered, commits, committed } = gathering();
  gathered.add(read(0, 3));
  gathered.add([]);
  gathered.add([...read(1, 8), ...read(0, 4)]);
  expect(gathered.size).toBe(3);
  const batch = gathered.take();
  expect(places(batch.records)).toEqual(["0:3", "1:8", "0:4"]);
  expect(gathered.size).toBe(0);
  expect(gathered.take().records).toEqual([]);
  commits.done(batch.positions);
  await commits.flush();
  expect(committed.sort()).toEqual(["0:5", "1:9"]);
});

test("a partition that goes takes its records along; what comes when it is back is another beginning", async () => {
  const { gathered, commits, committed, revoke } = gathering();
  gathered.add([...read(0, 3, 4), ...read(1, 8)]);
  revoke(0);
  expect(places(gathered.take().records)).toEqual(["1:8"]);
  gathered.add(read(0, 3, 4));
  revoke(0);
  gathered.add(read(0, 20));
  const batch = gathered.take();
  expect(places(batch.records)).toEqual(["0:20"]);
  commits.done(batch.positions);
  await commits.flush();
  expect(committed).toEqual(["0:21"]);
});

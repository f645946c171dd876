import { expect, test } from "bun:test";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { CommitQueue } from "./commit-queue.ts";
import { RecordBuffer } from "./record-buffer.ts";

const read = (partition: number, ...offsets: number[]): IncomingRecord[] =>
  offsets.map((offset) => ({ topic: "t", partition, offset, key: null, value: null, headers: {}, timestamp: 0 }));
const places = (records: readonly IncomingRecord[]) => records.map(({ partition, offset }) => `${partition}:${offset}`);

function gathering() {
  const committed: string[] = [];
  const commits = new CommitQueue(
    async (offsets) => void committed.push(...offsets.map(({ partition, offset }) => `${partition}:${offset}`)),
    () => {},
  );
  const buffer = new RecordBuffer(commits);
  const revoke = (partition: number) => {
    commits.revoked([{ topic: "t", partition }]);
    buffer.revoked([{ topic: "t", partition }]);
  };
  return { buffer, commits, committed, revoke };
}

test("several polls make one batch, and it is taken once", async () => {
  const { buffer, commits, committed } = gathering();
  buffer.add(read(0, 3));
  buffer.add([]);
  buffer.add([...read(1, 8), ...read(0, 4)]);
  expect(buffer.size).toBe(3);
  const batch = buffer.take();
  expect(places(batch.records)).toEqual(["0:3", "1:8", "0:4"]);
  expect(buffer.size).toBe(0);
  expect(buffer.take().records).toEqual([]);
  commits.done(batch.positions);
  await commits.flush();
  expect(committed.sort()).toEqual(["0:5", "1:9"]);
});

test("a partition that goes takes its records along; what comes when it is back is another beginning", async () => {
  const { buffer, commits, committed, revoke } = gathering();
  buffer.add([...read(0, 3, 4), ...read(1, 8)]);
  revoke(0);
  expect(places(buffer.take().records)).toEqual(["1:8"]);
  buffer.add(read(0, 3, 4));
  revoke(0);
  buffer.add(read(0, 20));
  const batch = buffer.take();
  expect(places(batch.records)).toEqual(["0:20"]);
  commits.done(batch.positions);
  await commits.flush();
  expect(committed).toEqual(["0:21"]);
});

import { expect, test } from "bun:test";
import type { CallLine } from "../../db/settings/audit.ts";
import { until } from "../../test/support/until.ts";
import { CallLog } from "./call-log.ts";

const line = (requestId: string): CallLine => ({
  actor: "olga",
  action: "editSale",
  target: "t",
  detail: {},
  at: "2026-12-01T00:00:00.000Z",
  requestId,
  status: 200,
  code: null,
  address: null,
});
const away = () => Object.assign(new Error("away"), { code: "ECONNREFUSED" });
const impossible = () => Object.assign(new Error("no such text"), { code: "22P05" });

test("lines are written together, in their order, behind the calls", async () => {
  const batches: string[][] = [];
  const log = new CallLog({
    insert: async (lines) => void batches.push(lines.map((one) => one.requestId)),
    onError: () => {},
  });
  for (let i = 0; i < 250; i++) log.add(line(String(i)));
  expect(batches).toEqual([]);
  await until("all are written", () => log.written === 250);
  expect(batches.map((batch) => batch.length)).toEqual([100, 100, 50]);
  expect(batches.flat()).toEqual(Array.from({ length: 250 }, (_, i) => String(i)));
  log.add(line("later"));
  await until("all are written", () => log.written === 251);
});

test("a database that is away loses no line for which there is room, and those beyond are counted", async () => {
  let isAway = true;
  const written: string[] = [];
  const errors: unknown[] = [];
  const log = new CallLog({
    async insert(lines) {
      if (isAway) throw away();
      written.push(...lines.map((one) => one.requestId));
    },
    onError: (error) => errors.push(error),
  });
  for (let i = 0; i < 10_007; i++) log.add(line(String(i)));
  expect({ waiting: log.waiting, dropped: log.dropped }).toEqual({ waiting: 10_000, dropped: 7 });
  await until("an error", () => errors.length > 0);
  isAway = false;
  await until("all are written", () => log.written === 10_000);
  expect(written).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)));
});

test("a line that the database never takes does not keep the others out", async () => {
  const written: string[] = [];
  const log = new CallLog({
    async insert(lines) {
      if (lines.some(({ requestId }) => requestId === "bad")) throw impossible();
      written.push(...lines.map((one) => one.requestId));
    },
    onError: () => {},
  });
  for (const id of ["a", "bad", "b", "c"]) log.add(line(id));
  await until("all are written", () => log.written === 3);
  expect({ written, dropped: log.dropped }).toEqual({ written: ["a", "b", "c"], dropped: 1 });
});

test("a stop writes what waits, and counts what it cannot write", async () => {
  const written: string[] = [];
  const fine = new CallLog({
    insert: async (lines) => void written.push(...lines.map((one) => one.requestId)),
    onError: () => {},
  });
  fine.add(line("last"));
  await fine.stop();
  fine.add(line("too late"));
  expect({ written, dropped: fine.dropped }).toEqual({ written: ["last"], dropped: 1 });

  const without = new CallLog({ insert: () => Promise.reject(away()), onError: () => {} });
  without.add(line("lost"));
  await without.stop();
  expect({ waiting: without.waiting, dropped: without.dropped }).toEqual({ waiting: 0, dropped: 1 });
});

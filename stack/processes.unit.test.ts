import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layoutOf, makeDirectories } from "./layout.ts";
import { beganAt, forgetRecord, isAlive, readRecord, spawnDetached, stopProcesses, writeRecord } from "./processes.ts";

const layout = layoutOf("/", mkdtempSync(join(tmpdir(), "stampede-run-")));
makeDirectories(layout);
const record = { source: "native" as const, address: "127.0.0.1:1", wanted: 1, startedAt: 0 };
const sleeper = (seconds: string) =>
  spawnDetached({ argv: ["sleep", seconds] }, { cwd: "/", env: {}, logFile: join(layout.log, "sleep.log") });

test("a living process is known by its number and its beginning; the pid file has one number a line", async () => {
  const marks = [sleeper("60"), sleeper("60")];
  writeRecord(layout, "gateway", { ...record, wanted: 2, processes: marks });
  expect(readFileSync(layout.pidFile("gateway"), "utf8")).toBe(`${marks[0]!.pid}\n${marks[1]!.pid}\n`);
  expect(readRecord(layout, "gateway")?.processes).toEqual(marks);
  await stopProcesses(marks, "SIGTERM", 5);
  expect(readRecord(layout, "gateway")?.processes).toEqual([]);
});

test("a number that another program has by now is not ours", () => {
  const other = { pid: process.pid, began: "1" };
  writeRecord(layout, "redis", { ...record, processes: [other] });
  expect(isAlive(other)).toBe(false);
  expect(readRecord(layout, "redis")?.processes).toEqual([]);
  expect(isAlive({ pid: process.pid, began: beganAt(process.pid)! })).toBe(true);
});

test("a program that ignores the signal is killed with its group", async () => {
  const argv = ["bash", "-c", "trap '' TERM; sleep 60 & wait; wait; sleep 60"];
  const stubborn = spawnDetached({ argv }, { cwd: "/", env: {}, logFile: join(layout.log, "stubborn.log") });
  await Bun.sleep(100);
  const begun = performance.now();
  await stopProcesses([stubborn], "SIGTERM", 0.3);
  expect(isAlive(stubborn)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test("an unreadable or missing record means that it was not started", () => {
  expect(readRecord(layout, "kafka")).toBeNull();
  mkdirSync(`${layout.pidFile("kafka")}.json`);
  expect(readRecord(layout, "kafka")).toBeNull();
  writeRecord(layout, "postgres", { ...record, processes: [] });
  forgetRecord(layout, "postgres");
  expect(existsSync(layout.pidFile("postgres"))).toBe(false);
  rmSync(layout.dir, { recursive: true });
});

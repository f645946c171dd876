import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { withoutReplacedFiles } from "../contracts/wire/environment-files.ts";
import type { Layout } from "./layout.ts";
import { statOf } from "./proc-stat.ts";
import type { ServiceName, Source } from "./service-names.ts";

/** A program, and environment that it has beside ours. */
export interface ProcessCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A process and when it began: a pid alone may belong to another program by now. */
export interface ProcessMark {
  readonly pid: number;
  readonly began: string;
  /** Which of a service's members it is. */
  readonly member?: number;
}

/** What `up` remembers of a service beside its pid file. */
export interface ServiceRecord {
  readonly source: Source;
  readonly address: string;
  /** How many processes there should be. */
  readonly wanted: number;
  readonly processes: readonly ProcessMark[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** More environment than usual, e.g. the consumers' ROLES. */
  readonly variant?: Readonly<Record<string, string>>;
  /** What releases agree on so that their processes can work together, see stack/upgrade.ts. Absent: before there were passwords. */
  readonly generation?: number;
  /** Containers only: the container's name. */
  readonly container?: string;
}

/** When a living process began, in the kernel's own unit; null if there is none (a zombie is none). */
export function beganAt(pid: number): string | null {
  try {
    const fields = statOf(pid);
    return fields[0] === "Z" || fields[0] === "X" ? null : fields[19]!;
  } catch {
    if (existsSync("/proc/self/stat")) return null;
    const ps = Bun.spawnSync(["ps", "-o", "lstart=", "-p", String(pid)]);
    return ps.stdout.toString().trim() || null;
  }
}

export const isAlive = (mark: ProcessMark): boolean => beganAt(mark.pid) === mark.began;

/** 1: Redis and PostgreSQL have passwords. */
export const GENERATION = 1;

const recordFile = (layout: Layout, service: ServiceName) => `${layout.pidFile(service)}.json`;

/** The record of a service, with the processes that still live. null: it was not started, or its record is unreadable. */
export function readRecord(layout: Layout, service: ServiceName): ServiceRecord | null {
  try {
    const record = JSON.parse(readFileSync(recordFile(layout, service), "utf8")) as ServiceRecord;
    // What runs in a container may have no process id of this machine: Docker is asked instead.
    return record.source === "docker" ? record : { ...record, processes: record.processes.filter(isAlive) };
  } catch {
    return null;
  }
}

/** Ids of a service's processes that live; none for a service of the environment. */
export const pidsOf = (layout: Layout, service: ServiceName): number[] =>
  readRecord(layout, service)?.processes.map(({ pid }) => pid) ?? [];

/** Writes the record, and the pid file: one process id a line. */
export function writeRecord(layout: Layout, service: ServiceName, record: ServiceRecord): void {
  writeFileSync(layout.pidFile(service), record.processes.map((process) => `${process.pid}\n`).join(""));
  writeFileSync(recordFile(layout, service), JSON.stringify({ generation: GENERATION, ...record }));
}

export function forgetRecord(layout: Layout, service: ServiceName): void {
  rmSync(layout.pidFile(service), { force: true });
  rmSync(recordFile(layout, service), { force: true });
}

/** A log beyond this begins anew at the next start; the one before is kept as `.1`. */
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

/** How long a log is, in bytes; what a start writes begins there. */
export const lengthOf = (logFile: string): number => statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;

/** Starts a program in a new session, so that it outlives this process and Ctrl-C does not reach it; its output is appended to `logFile`. */
export function spawnDetached(
  command: ProcessCommand,
  options: { cwd: string; env: Record<string, string>; logFile: string },
): ProcessMark {
  if (lengthOf(options.logFile) > LOG_LIMIT_BYTES) {
    renameSync(options.logFile, `${options.logFile}.1`);
  }
  const log = openSync(options.logFile, "a");
  try {
    const child = Bun.spawn([...command.argv], {
      cwd: options.cwd,
      env: { ...withoutReplacedFiles(options.env, command.env ?? {}), ...command.env },
      stdio: ["ignore", log, log],
      detached: true,
    });
    child.unref();
    return { pid: child.pid, began: beganAt(child.pid) ?? "gone" };
  } finally {
    closeSync(log);
  }
}

/** Sends a signal; false if the process is gone. */
export function signalProcess(mark: ProcessMark, signal: NodeJS.Signals): boolean {
  if (!isAlive(mark)) return false;
  try {
    process.kill(mark.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Asks processes to stop with `signal`; kills their groups after `timeoutS`. Resolves when all are gone. */
export async function stopProcesses(
  marks: readonly ProcessMark[],
  signal: NodeJS.Signals,
  timeoutS: number,
): Promise<void> {
  let alive = marks.filter((mark) => signalProcess(mark, signal));
  const deadline = performance.now() + timeoutS * 1000;
  while (alive.length > 0 && performance.now() < deadline) {
    await Bun.sleep(20);
    alive = alive.filter(isAlive);
  }
  for (const mark of alive) {
    try {
      process.kill(-mark.pid, "SIGKILL");
    } catch {
      signalProcess(mark, "SIGKILL");
    }
  }
  while (alive.some(isAlive)) await Bun.sleep(10);
}

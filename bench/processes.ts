import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { statOf } from "../stack/proc-stat.ts";

// Linux counts a process's time in ticks of 10 ms (USER_HZ is 100 on every architecture that Bun runs on).
const TICK_MICROS = 10_000;

/** Process ids of a service, from `.stack/run/<service>.pid`; empty if there is no such file. */
export function pidsOf(runDir: string | null, service: string): number[] {
  if (runDir === null) return [];
  try {
    return readFileSync(join(runDir, `${service}.pid`), "latin1").split("\n").filter(Boolean).map(Number); // biome-ignore format: one thought
  } catch {
    return []; // the service runs elsewhere, or this stack has no process of it
  }
}

/**
 * User and system time of these processes so far, all threads, and of their children that have ended, in microseconds; null
 * when none can be read. Without the ended ones a database's worker that ends would take its time along, and a difference
 * of two looks could be negative.
 */
export function cpuMicros(pids: readonly number[]): number | null {
  const ticks = pids.flatMap((pid) => ticksOf(pid) ?? []);
  return ticks.length === 0 ? null : ticks.reduce((sum, one) => sum + one, 0) * TICK_MICROS;
}

function ticksOf(pid: number): number | null {
  try {
    // utime, stime, and those of the children that were waited for.
    return statOf(pid)
      .slice(11, 15)
      .reduce((sum, field) => sum + Number(field), 0);
  } catch {
    return null; // gone, or no /proc here
  }
}

/** Resident memory of these processes, bytes; null when it can't be read. */
export function residentBytes(pids: readonly number[]): number | null {
  let kilobytes = 0;
  try {
    for (const pid of pids) {
      kilobytes += Number(
        /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? Number.NaN,
      );
    }
  } catch {
    return null;
  }
  return pids.length === 0 || Number.isNaN(kilobytes) ? null : kilobytes * 1024;
}

/** These processes and all that they have started: PostgreSQL works in children of the process that `up` knows. */
export function familyOf(pids: readonly number[]): number[] {
  const family = new Set(pids);
  try {
    const parents = readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry) => {
        const parent = parentOf(Number(entry));
        return parent === null ? [] : [{ pid: Number(entry), parent }];
      });
    for (let size = 0; size < family.size; ) {
      size = family.size;
      for (const { pid, parent } of parents) if (family.has(parent)) family.add(pid);
    }
  } catch {
    // no /proc here: only what is known
  }
  return [...family];
}

function parentOf(pid: number): number | null {
  try {
    return Number(statOf(pid)[1]);
  } catch {
    return null; // gone meanwhile
  }
}

/** Resident memory of a family, bytes, with what its members share counted once; null when it can't be read. */
export function familyBytes(pids: readonly number[]): number | null {
  let own = 0;
  let shared = 0;
  try {
    for (const pid of pids) {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
      own += kilobytes("VmRSS") - kilobytes("RssShmem");
      shared = Math.max(shared, kilobytes("RssShmem"));
    }
  } catch {
    return null;
  }
  return pids.length === 0 ? null : (own + shared) * 1024;
}

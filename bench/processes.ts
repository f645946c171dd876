import { readFileSync } from "node:fs";
import { join } from "node:path";

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

/** User and system time of these processes so far, all threads, in microseconds; null when it can't be read. */
export function cpuMicros(pids: readonly number[]): number | null {
  let ticks = 0;
  try {
    for (const pid of pids) {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The program's name may hold spaces and parentheses: fields are counted after the last one.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    }
  } catch {
    return null; // gone, or no /proc here
  }
  return pids.length === 0 ? null : ticks * TICK_MICROS;
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

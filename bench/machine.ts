import { cpus, loadavg, release, totalmem } from "node:os";

/** What the figures were taken on. The load average tells whether others were working too. */
export function describeMachine() {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    load_average_1m: Math.round(loadavg()[0]! * 100) / 100,
    at: new Date().toISOString(),
  };
}

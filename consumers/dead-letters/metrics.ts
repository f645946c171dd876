import { Counter, Gauge, type Registry } from "prom-client";
import { DEAD_LETTER_STATUSES, type DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";

export interface DeadLetterMetrics {
  republished(topic: string): void;
  /** How many there are of each status; one that is not named has none. An alarm belongs on EXHAUSTED. */
  counted(found: readonly { readonly status: DeadLetterStatus; readonly count: number }[]): void;
}

export function createDeadLetterMetrics(registry: Registry): DeadLetterMetrics {
  const registers = [registry];
  const republished = new Counter({
    name: "stampede_republished_letters_total",
    help: "Dead letters that were sent again to their topic",
    labelNames: ["topic"],
    registers,
  });
  const stored = new Gauge({
    name: "stampede_dead_letters",
    help: "Dead letters by status; EXHAUSTED ones wait for an operator",
    labelNames: ["status"],
    registers,
  });
  return {
    republished: (topic) => republished.inc({ topic }),
    counted(found) {
      const counts = new Map(found.map(({ status, count }) => [status, count]));
      for (const status of DEAD_LETTER_STATUSES) stored.set({ status }, counts.get(status) ?? 0);
    },
  };
}

import { createFault } from "../../contracts/wire/fault-points.ts";
import { insertDeadLetters, type RetryPolicy } from "../../db/dead-letters/insert.ts";
import { countDeadLetters } from "../../db/dead-letters/read.ts";
import type { ConsumersConfig } from "../config.ts";
import type { Role } from "../engine/role.ts";
import { startTicker, type Ticker } from "../engine/ticker.ts";
import { complainer, type Neighbours } from "../neighbours.ts";
import { republishDue } from "./republish.ts";
import { deadLetters } from "./role.ts";

/** Between two looks for letters that are due: an operator's retry happens within a second. Costs a look into an index. */
const LOOK_EVERY_MS = 1_000;
/** Between two counts for the metrics. */
const COUNT_EVERY_MS = 5_000;

export const policyOf = (config: ConsumersConfig): RetryPolicy => ({
  attempts: config.DEAD_LETTER_ATTEMPTS,
  retryMs: config.DEAD_LETTER_RETRY_MS,
});

/** Role dead-letters: what stores letters from the log, and the clock that sends them again. */
export function startDeadLetters(neighbours: Neighbours): { readonly role: Role; readonly republisher: Ticker } {
  const { config, db, producer, log, metrics } = neighbours;
  const policy = policyOf(config);
  const role = deadLetters((letters) => insertDeadLetters(db.sql, letters, policy), log);
  const fault = createFault(config.NODE_ENV, config.FAULT_POINT);
  const deps = { sql: db.sql, producer, policy, log, fault, observe: metrics.letters };
  let countAt = 0;
  async function round(stopping: AbortSignal): Promise<void> {
    if ((await republishDue(deps, stopping)) > 0) countAt = 0;
    if (performance.now() < countAt) return;
    metrics.letters.counted(await countDeadLetters(db.sql));
    countAt = performance.now() + COUNT_EVERY_MS;
  }
  const republisher = startTicker(LOOK_EVERY_MS, round, complainer(log, "dead-letters"));
  return { role, republisher };
}

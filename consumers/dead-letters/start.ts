import { createFault } from "../../contracts/wire/fault-points.ts";
import type { Database } from "../../db/client.ts";
import { insertDeadLetters, type RetryPolicy } from "../../db/dead-letters/insert.ts";
import { countDeadLetters } from "../../db/dead-letters/read.ts";
import type { Role } from "../engine/role.ts";
import { type RunningRole, withBackgroundWork } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import { logFailedRounds, startTicker, type Ticker } from "../engine/ticker.ts";
import type { DeadLetterMetrics } from "./metrics.ts";
import { republishDue } from "./republish.ts";
import { deadLetters } from "./role.ts";

/** Between two looks for letters that are due: an operator's retry happens within a second. Costs a look into an index. */
const LOOK_EVERY_MS = 1_000;
/** Between two counts for the metrics. */
const COUNT_EVERY_MS = 5_000;

interface RetryConfig {
  readonly DEAD_LETTER_ATTEMPTS: number;
  readonly DEAD_LETTER_RETRY_MS: number;
}

export const policyOf = (config: RetryConfig): RetryPolicy => ({
  attempts: config.DEAD_LETTER_ATTEMPTS,
  retryMs: config.DEAD_LETTER_RETRY_MS,
});

export interface DeadLettersParts extends ConsumingParts {
  readonly config: ConsumingParts["config"] & RetryConfig & { readonly NODE_ENV: string; readonly FAULT_POINT: string };
  readonly db: Pick<Database, "sql">;
  readonly metrics: ConsumingParts["metrics"] & { readonly letters: DeadLetterMetrics };
}

/** Role dead-letters. */
export function startDeadLetters(parts: DeadLettersParts): RunningRole {
  const { role, republisher } = composeDeadLetters(parts);
  return withBackgroundWork(startConsuming("dead-letters", role, parts), {
    busy: () => 0,
    stop: () => republisher.stop(),
  });
}

/** What stores letters from the log, and the ticker that sends them again. */
export function composeDeadLetters(parts: DeadLettersParts): { readonly role: Role; readonly republisher: Ticker } {
  const { config, db, producer, log, metrics } = parts;
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
  const republisher = startTicker(LOOK_EVERY_MS, round, logFailedRounds(log, "dead-letters"));
  return { role, republisher };
}

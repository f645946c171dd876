import type { Database } from "../../db/client.ts";
import { type ParkedCommand, resendParked } from "../../db/steps/parked.ts";
import type { OutgoingRecord, Producer } from "../../kafka/kafka.ts";
import type { Log } from "../engine/log.ts";
import { pause } from "../engine/pause.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import { PARKED_HEADER } from "../steps/park.ts";

/** How often the database is asked while nothing is parked, milliseconds. */
const EVERY_MS = 1_000;
/** Commands that are due within this time of each other are sent together, milliseconds. */
const TOGETHER_MS = 20;

/** A parked command as it was, with one more on its count. */
export const recordOfParked = ({ topic, key, value, headers, attempts }: ParkedCommand): OutgoingRecord => ({
  topic,
  key,
  value,
  headers: { ...headers, [PARKED_HEADER]: String(attempts + 1) },
});

export interface DelayedCommandsParts {
  readonly db: Pick<Database, "sql">;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  readonly metrics: { resent(commands: number): void };
}

/** Sends parked commands again when they are due. */
export function startDelayedCommands({ db, producer, log, metrics }: DelayedCommandsParts): RunningRole {
  const name = "delayed-commands";
  async function round(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const { count, nextInMs } = await resendParked(db.sql, async (commands) => {
        await producer.sendAll(commands.map(recordOfParked));
      });
      if (count > 0) metrics.resent(count);
      if (nextInMs === null || nextInMs > EVERY_MS) return;
      await pause(Math.max(TOGETHER_MS, nextInMs), stopping);
    }
  }
  const ticker = startTicker(EVERY_MS, round, logFailedRounds(log, name));
  return { name, inHand: () => 0, stop: () => ticker.stop() };
}

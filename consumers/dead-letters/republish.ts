import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { Sql } from "../../db/client.ts";
import type { RetryPolicy } from "../../db/dead-letters/insert.ts";
import { type DueLetter, resendDue } from "../../db/dead-letters/resend.ts";
import type { Producer } from "../../kafka/kafka.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { afterTry, type Tried } from "./mark-after-try.ts";
import { recordOfLetter } from "./record-of-letter.ts";

export interface Republishing {
  readonly sql: Sql;
  readonly producer: Pick<Producer, "sendAll">;
  readonly policy: RetryPolicy;
  readonly log: Log;
  readonly fault: Fault;
  readonly observe: { republished(topic: string): void };
}

/** A value may have a megabyte, and all of a batch are in memory at once. */
const AT_ONCE = 50;

/**
 * Sends all dead letters again that are due, a batch in a transaction (db/dead-letters/resend.ts).
 * @returns how many were sent
 */
export async function republishDue(deps: Republishing, stopping: AbortSignal): Promise<number> {
  let sent = 0;
  while (!stopping.aborted) {
    let tries: readonly Tried[] = [];
    await resendDue(deps.sql, AT_ONCE, async (letters) => {
      tries = await Promise.all(letters.map((letter) => tryOne(deps, letter)));
      deps.fault("letters:published");
      return letters.map((letter, i) => afterTry(letter, tries[i]!, deps.policy));
    });
    sent += tries.filter((tried) => tried === "sent").length;
    // None was due, or the log is away: the next batch would only wait as long.
    if (tries.length === 0 || tries.some((tried) => typeof tried === "object")) break;
  }
  return sent;
}

async function tryOne({ producer, log, observe }: Republishing, letter: DueLetter): Promise<Tried> {
  const { eventId, topic, attempts } = letter;
  if (letter.isBuried) return "buried";
  try {
    await producer.sendAll([recordOfLetter(letter)]); // alone: one that is too large must not fail its batch
    observe.republished(topic);
    log.info({ eventId, topic, attempt: attempts + 1 }, "dead letter sent again");
    return "sent";
  } catch (error) {
    log.error({ eventId, topic, attempt: attempts + 1, ...failureCode(error) }, "dead letter could not be sent again");
    return { error };
  }
}

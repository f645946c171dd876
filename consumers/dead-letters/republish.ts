import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { Sql } from "../../db/client.ts";
import type { RetryPolicy } from "../../db/dead-letters/insert.ts";
import { auditTarget } from "../../db/dead-letters/read.ts";
import { type DueLetter, markDeadLetters, takeDeadLetters } from "../../db/dead-letters/resend.ts";
import { insertAudit } from "../../db/settings/audit.ts";
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
 * Sends all dead letters again that are due. A batch's rows stay locked until the log has acknowledged it and it is marked:
 * other processes are handed other letters, a letter that comes back at once is stored after its mark, and whoever dies in
 * between leaves everything PENDING and due. It is then sent twice, which no handler minds.
 * @returns how many were sent
 */
export async function republishDue(deps: Republishing, stopping: AbortSignal): Promise<number> {
  let sent = 0;
  while (!stopping.aborted) {
    const batch = await deps.sql.begin(async (tx) => {
      // The log may take longer to say no than a transaction may rest.
      await tx`SET LOCAL idle_in_transaction_session_timeout = 0`;
      const letters = await takeDeadLetters(tx, AT_ONCE);
      if (letters.length === 0) return null;
      const tries = await Promise.all(letters.map((letter) => tryOne(deps, letter)));
      deps.fault("letters:published");
      await markDeadLetters(
        tx,
        letters.map((letter, i) => afterTry(letter, tries[i]!, deps.policy)),
      );
      for (const [i, { id, eventId }] of letters.entries()) {
        if (tries[i] !== "buried") continue;
        const detail = { eventId, why: "the claim was given up" };
        const entry = { actor: "role:dead-letters", action: "dead-letter.discarded", target: auditTarget(id) };
        await insertAudit(tx, { ...entry, detail });
      }
      return tries;
    });
    if (batch === null) break;
    sent += batch.filter((tried) => tried === "sent").length;
    // If the log is away, the next batch would only wait as long.
    if (batch.some((tried) => typeof tried === "object")) break;
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

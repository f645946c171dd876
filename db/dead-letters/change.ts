import type { DeadLetterId, DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Executor, Sql } from "../client.ts";
import { LETTER } from "../names.ts";
import { insertAudit } from "../settings/audit.ts";
import { auditTarget } from "./read.ts";

export interface LockedLetter {
  readonly status: DeadLetterStatus;
  readonly eventId: string;
  readonly topic: string;
}

/**
 * A dead letter that an operator is about to change. Waits for one that is being sent again at this moment.
 * @throws StampedeError DEAD_LETTER_NOT_FOUND
 */
export async function lockDeadLetter(tx: Executor, id: DeadLetterId): Promise<LockedLetter> {
  const [row] = await tx<LockedLetter[]>`
    SELECT ${LETTER.status}, ${LETTER.eventId} AS "eventId", ${LETTER.topic} FROM ${LETTER.table}
      WHERE ${LETTER.id} = ${id} FOR UPDATE`;
  if (row === undefined) throw new StampedeError("DEAD_LETTER_NOT_FOUND", `There is no dead letter ${id}`);
  return row;
}

/**
 * Makes a dead letter due now, whatever its attempts; role dead-letters sends it. One that was discarded is not revived: its
 * order may have been settled by hand.
 * @throws StampedeError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_DISCARDED
 */
export async function retryDeadLetter(sql: Sql, id: DeadLetterId, actor: string): Promise<void> {
  await sql.begin(async (tx) => {
    const { status, eventId, topic } = await lockDeadLetter(tx, id);
    if (status === "DISCARDED") throw new StampedeError("DEAD_LETTER_DISCARDED", `Dead letter ${id} was discarded`);
    await tx`
      UPDATE ${LETTER.table} SET ${LETTER.status} = 'PENDING', ${LETTER.nextAttemptAt} = now(), ${LETTER.updatedAt} = now()
        WHERE ${LETTER.id} = ${id}`;
    const detail = { eventId, topic, was: status };
    await insertAudit(tx, { actor, action: "dead-letter.retried", target: auditTarget(id), detail });
  });
}

/**
 * Gives a dead letter up for good: it is never sent again, also if a copy that is on its way dies once more. Doing it twice is
 * doing it once; the first reason stands.
 * @throws StampedeError DEAD_LETTER_NOT_FOUND
 */
export async function discardDeadLetter(sql: Sql, id: DeadLetterId, actor: string, why: string): Promise<void> {
  await sql.begin(async (tx) => {
    const { status, eventId, topic } = await lockDeadLetter(tx, id);
    if (status === "DISCARDED") return;
    await tx`
      UPDATE ${LETTER.table} SET ${LETTER.status} = 'DISCARDED', ${LETTER.nextAttemptAt} = NULL,
        ${LETTER.updatedAt} = now() WHERE ${LETTER.id} = ${id}`;
    const detail = { eventId, topic, was: status, why };
    await insertAudit(tx, { actor, action: "dead-letter.discarded", target: auditTarget(id), detail });
  });
}

import type { DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import type { Sql } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { auditTarget } from "./find-dead-letter.ts";
import { lockDeadLetter } from "./lock-dead-letter.ts";

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
      UPDATE dead_letters SET status = 'DISCARDED', next_attempt_at = NULL, updated_at = now() WHERE id = ${id}`;
    const detail = { eventId, topic, was: status, why };
    await insertAudit(tx, { actor, action: "dead-letter.discarded", target: auditTarget(id), detail });
  });
}

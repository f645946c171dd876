import type { DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Sql } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { auditTarget } from "./find-dead-letter.ts";
import { lockDeadLetter } from "./lock-dead-letter.ts";

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
      UPDATE dead_letters SET status = 'PENDING', next_attempt_at = now(), updated_at = now() WHERE id = ${id}`;
    const detail = { eventId, topic, was: status };
    await insertAudit(tx, { actor, action: "dead-letter.retried", target: auditTarget(id), detail });
  });
}

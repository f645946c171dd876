import { and, eq, like } from "drizzle-orm";
import type { DeadLetterAction, DeadLetterDetail, DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import type { Orm } from "../client.ts";
import { auditLog, deadLetters } from "../schema.ts";
import { deadLetterOf } from "./dead-letter-row.ts";

/** A dead letter's name in the audit log. */
export const auditTarget = (id: DeadLetterId): string => `dead-letter:${id}`;

/** One dead letter with what was done to it, oldest first; null: there is none. */
export async function findDeadLetter(orm: Orm, id: DeadLetterId): Promise<DeadLetterDetail | null> {
  const [row] = await orm
    .select()
    .from(deadLetters)
    .where(eq(deadLetters.id, Number(id)));
  if (row === undefined) return null;
  const lines = await orm
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.target, auditTarget(id)), like(auditLog.action, "dead-letter.%")))
    .orderBy(auditLog.at, auditLog.id);
  const actions = lines.map(({ actor, action, detail, at }) => ({
    actor,
    action: action as DeadLetterAction["action"],
    ...(typeof detail.why === "string" ? { why: detail.why } : {}),
    at: at.toISOString(),
  }));
  return { ...deadLetterOf(row), actions };
}

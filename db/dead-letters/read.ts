import { and, desc, eq, like, lt } from "drizzle-orm";
import type {
  DeadLetter,
  DeadLetterAction,
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterList,
  DeadLetterStatus,
} from "../../contracts/wire/dead-letters.ts";
import type { Executor, Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { LETTER } from "../names.ts";
import { auditLog, deadLetters } from "../schema.ts";

const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

/** A row as operators see it: key and value as text (a poison record's odd bytes become �), times as RFC 3339. */
export const deadLetterOf = (row: typeof deadLetters.$inferSelect): DeadLetter => ({
  ...row,
  id: String(row.id) as DeadLetterId,
  key: text(row.key),
  value: text(row.value),
  nextAttemptAt: row.nextAttemptAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

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

const cursors = serialCursors("dead-letters");

export interface DeadLetterFilter {
  readonly status?: DeadLetterStatus | undefined;
  /** The original one, without `.DLT`. */
  readonly topic?: string | undefined;
}

/** Dead letters, newest first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listDeadLetters(
  orm: Orm,
  { status, topic }: DeadLetterFilter,
  cursor: string | null,
  limit: number,
): Promise<DeadLetterList> {
  const rows = await orm
    .select()
    .from(deadLetters)
    .where(
      and(
        status === undefined ? undefined : eq(deadLetters.status, status),
        topic === undefined ? undefined : eq(deadLetters.topic, topic),
        cursor === null ? undefined : lt(deadLetters.id, cursors.decode(cursor)[0]),
      ),
    )
    .orderBy(desc(deadLetters.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { items: page.map(deadLetterOf), nextCursor: last === undefined ? null : cursors.encode(last.id) };
}

/** How many dead letters there are of each status that occurs; answered from an index. */
export function countDeadLetters(
  sql: Executor,
): Promise<readonly { readonly status: DeadLetterStatus; readonly count: number }[]> {
  return sql`SELECT ${LETTER.status}, count(*)::int AS count FROM ${LETTER.table} GROUP BY ${LETTER.status}`;
}

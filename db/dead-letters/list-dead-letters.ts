import { and, desc, eq, lt } from "drizzle-orm";
import type { DeadLetterList, DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import type { Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { deadLetters } from "../schema.ts";
import { deadLetterOf } from "./dead-letter-row.ts";

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

import { desc, lt } from "drizzle-orm";
import type { Orm } from "../client.ts";
import { deadLetters } from "../schema.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const isKey = ([id, ...more]: readonly unknown[]) => Number.isSafeInteger(id) && more.length === 0;

/** As operators see one: key and value as text (a poison record's odd bytes become �), times as RFC 3339. */
export interface DeadLetterItem {
  readonly id: string;
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly status: string;
  readonly attempts: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

/** Dead letters, newest first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listDeadLetters(
  orm: Orm,
  cursor: string | null,
  limit: number,
): Promise<{ items: readonly DeadLetterItem[]; nextCursor: string | null }> {
  const rows = await orm
    .select()
    .from(deadLetters)
    .where(cursor === null ? undefined : lt(deadLetters.id, decodeCursor<[number]>(cursor, isKey)[0]))
    .orderBy(desc(deadLetters.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map(({ nextAttemptAt: _, ...row }) => ({
      ...row,
      id: String(row.id),
      key: text(row.key),
      value: text(row.value),
      createdAt: row.createdAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
    })),
    nextCursor: last === undefined ? null : encodeCursor(last.id),
  };
}

import type { DeadLetter, DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import type { deadLetters } from "../schema.ts";

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

import { and, desc, gt, isNull, lt, or, sql } from "drizzle-orm";
import type { Block, BlockList } from "../../contracts/wire/blocks.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { blocks } from "../schema.ts";
import type { BlockRow } from "./change.ts";

const cursors = serialCursors("blocks");

/** A row as operators see it. */
export const blockOf = ({ kind, subject, until, why, blockedBy, blockedAt }: BlockRow): Block => ({
  userId: kind === "USER" ? (subject as UserId) : null,
  tokenId: kind === "TOKEN" ? subject : null,
  until: until?.toISOString() ?? null,
  why,
  blockedBy,
  blockedAt: blockedAt.toISOString(),
});

/** Blocks that have not ended, newest first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listBlocks(orm: Orm, cursor: string | null, limit: number): Promise<BlockList> {
  const before = cursor === null ? undefined : lt(blocks.id, cursors.decode(cursor)[0]);
  const rows = await orm
    .select()
    .from(blocks)
    .where(and(before, or(isNull(blocks.until), gt(blocks.until, sql`now()`))))
    .orderBy(desc(blocks.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { items: page.map(blockOf), nextCursor: last === undefined ? null : cursors.encode(last.id) };
}

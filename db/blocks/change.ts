import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Executor, Sql } from "../client.ts";
import { BLOCK, columnsOf, SETTING } from "../names.ts";
import { blocks } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";

export interface Subject {
  readonly kind: "USER" | "TOKEN";
  /** A user id, or the `jti` of a token. */
  readonly subject: string;
}

export type BlockRow = typeof blocks.$inferSelect;

/** Every gateway holds all blocks in memory: about 10 MB of ids. */
const MOST_BLOCKS = 100_000;
/** The row of `settings` whose version grows with every change of a block. */
const SETTING_NAME = "blocks";

const ROW = columnsOf(blocks, ["id", "kind", "subject", "until", "why", "blockedBy", "blockedAt"]);

/** Its row's lock gives changes an order, so the count of blocks is exact. */
async function raiseVersion(tx: Executor, actor: string): Promise<void> {
  await tx`
    INSERT INTO ${SETTING.table} AS s (${SETTING.name}, ${SETTING.value}, ${SETTING.changedBy})
    VALUES (${SETTING_NAME}, '0', ${actor})
    ON CONFLICT (${SETTING.name}) DO UPDATE SET ${SETTING.version} = s.${SETTING.version} + 1,
      ${SETTING.changedBy} = EXCLUDED.${SETTING.changedBy}, ${SETTING.changedAt} = now()`;
}

const auditOf = ({ kind, subject }: Subject, change: "blocked" | "unblocked", actor: string, detail: object) => ({
  actor,
  action: `${kind === "USER" ? "user" : "token"}.${change}`,
  target: subject,
  detail: { ...detail },
});

/**
 * Blocks a user or a token, with its audit line; who is blocked already gets the new end and reason. Blocks that have ended are
 * removed. @param until null: until it is unblocked @throws StampedeError TOO_MANY_BLOCKS
 */
export async function block(
  sql: Sql,
  { kind, subject }: Subject,
  { until, why }: { readonly until: Date | null; readonly why: string },
  actor: string,
): Promise<BlockRow> {
  return await sql.begin(async (tx) => {
    await raiseVersion(tx, actor);
    await tx`DELETE FROM ${BLOCK.table} WHERE ${BLOCK.until} <= now()`;
    const [row] = await tx<BlockRow[]>`
      INSERT INTO ${BLOCK.table} (${BLOCK.kind}, ${BLOCK.subject}, ${BLOCK.until}, ${BLOCK.why}, ${BLOCK.blockedBy})
      VALUES (${kind}, ${subject}, ${until}, ${why}, ${actor})
      ON CONFLICT (${BLOCK.kind}, ${BLOCK.subject}) DO UPDATE SET ${BLOCK.until} = EXCLUDED.${BLOCK.until},
        ${BLOCK.why} = EXCLUDED.${BLOCK.why}, ${BLOCK.blockedBy} = EXCLUDED.${BLOCK.blockedBy}, ${BLOCK.blockedAt} = now()
      RETURNING ${ROW}`;
    const [count] = await tx<{ blocks: number }[]>`SELECT count(*)::int AS blocks FROM ${BLOCK.table}`;
    if (count!.blocks > MOST_BLOCKS) throw new StampedeError("TOO_MANY_BLOCKS");
    await insertAudit(tx, auditOf({ kind, subject }, "blocked", actor, { until: until?.toISOString() ?? null, why }));
    return row!;
  });
}

/** Ends a block, with its audit line. @returns whether there was one */
export async function unblock(sql: Sql, subject: Subject, actor: string): Promise<boolean> {
  return await sql.begin(async (tx) => {
    await raiseVersion(tx, actor);
    const { count } = await tx`
      DELETE FROM ${BLOCK.table} WHERE ${BLOCK.kind} = ${subject.kind} AND ${BLOCK.subject} = ${subject.subject}`;
    if (count > 0) await insertAudit(tx, auditOf(subject, "unblocked", actor, {}));
    return count > 0;
  });
}

/** Grows with every change; 0: nothing was ever blocked. */
export async function blocksVersion(sql: Executor): Promise<number> {
  const [row] = await sql<{ version: number }[]>`
    SELECT ${SETTING.version} FROM ${SETTING.table} WHERE ${SETTING.name} = ${SETTING_NAME}`;
  return row?.version ?? 0;
}

export interface ActiveBlock extends Subject {
  readonly until: Date | null;
}

/** All blocks that have not ended. */
export async function activeBlocks(sql: Executor): Promise<ActiveBlock[]> {
  return await sql<ActiveBlock[]>`
    SELECT ${BLOCK.kind}, ${BLOCK.subject}, ${BLOCK.until} FROM ${BLOCK.table}
    WHERE ${BLOCK.until} IS NULL OR ${BLOCK.until} > now()`;
}

import { and, desc, eq, gte, lt } from "drizzle-orm";
import type { AuditLine, AuditList } from "../../contracts/wire/audit.ts";
import type { Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { auditLog } from "../schema.ts";

const cursors = serialCursors("audit");

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly requestId?: string | undefined;
  /** Not earlier. */
  readonly from?: Date | undefined;
  /** Earlier. */
  readonly to?: Date | undefined;
}

const lineOf = ({ id, at, ...row }: typeof auditLog.$inferSelect): AuditLine => ({
  id: String(id),
  ...row,
  at: at.toISOString(),
});

/** Lines of the audit log, those that were written last first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listAudit(
  orm: Orm,
  { actor, action, target, requestId, from, to }: AuditFilter,
  cursor: string | null,
  limit: number,
): Promise<AuditList> {
  const rows = await orm
    .select()
    .from(auditLog)
    .where(
      and(
        actor === undefined ? undefined : eq(auditLog.actor, actor),
        action === undefined ? undefined : eq(auditLog.action, action),
        target === undefined ? undefined : eq(auditLog.target, target),
        requestId === undefined ? undefined : eq(auditLog.requestId, requestId),
        from === undefined ? undefined : gte(auditLog.at, from),
        to === undefined ? undefined : lt(auditLog.at, to),
        cursor === null ? undefined : lt(auditLog.id, cursors.decode(cursor)[0]),
      ),
    )
    .orderBy(desc(auditLog.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { items: page.map(lineOf), nextCursor: last === undefined ? null : cursors.encode(last.id) };
}

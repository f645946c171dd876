import type { Executor } from "../client.ts";
import { AUDIT } from "../names.ts";

export interface AuditEntry {
  /** A user id, or `role:<name>` for the machinery. */
  readonly actor: string;
  /** `sale.created`, `sale.paused`, `sale.fenced`, … */
  readonly action: string;
  readonly target: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** One line of the audit log. Call it in the transaction of what it records: neither exists without the other. */
export async function insertAudit(sql: Executor, entry: AuditEntry): Promise<void> {
  await sql`
    INSERT INTO ${AUDIT.table} (${AUDIT.actor}, ${AUDIT.action}, ${AUDIT.target}, ${AUDIT.detail})
    VALUES (${entry.actor}, ${entry.action}, ${entry.target}, ${JSON.stringify(entry.detail ?? {})}::text::jsonb)`;
}

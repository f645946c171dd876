import type { Executor } from "../client.ts";
import { AUDIT } from "../names.ts";
import { currentCall } from "./audited-call.ts";

export interface AuditEntry {
  /** A user id, or `role:<name>` for the machinery. */
  readonly actor: string;
  /** `sale.created`, `sale.paused`, `sale.fenced`, … */
  readonly action: string;
  readonly target: string;
  /** What changed: `from` and `to`, or the members of a new row. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/**
 * One line of the audit log, with the id of the call that caused it. Call it in the transaction of what it records: neither
 * exists without the other.
 */
export async function insertAudit(sql: Executor, entry: AuditEntry): Promise<void> {
  await sql`
    INSERT INTO ${AUDIT.table} (${AUDIT.actor}, ${AUDIT.action}, ${AUDIT.target}, ${AUDIT.detail}, ${AUDIT.requestId})
    VALUES (${entry.actor}, ${entry.action}, ${entry.target}, ${JSON.stringify(entry.detail ?? {})}::text::jsonb,
      ${currentCall()})`;
}

/** An operator's call and its outcome. `action` is the operation's id; texts have no NUL and no half surrogates. */
export interface CallLine {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** RFC 3339. */
  readonly at: string;
  readonly requestId: string;
  readonly status: number;
  readonly code: string | null;
  readonly address: string | null;
}

/** Writes calls, all of them or none. Those that are there already are left out: the answer to an earlier try may have been lost. */
export async function insertCalls(sql: Executor, lines: readonly CallLine[]): Promise<void> {
  await sql`
    INSERT INTO ${AUDIT.table} (${AUDIT.actor}, ${AUDIT.action}, ${AUDIT.target}, ${AUDIT.detail}, ${AUDIT.at},
      ${AUDIT.requestId}, ${AUDIT.status}, ${AUDIT.code}, ${AUDIT.address})
    SELECT actor, action, target, detail, at, "requestId", status, code, address
      FROM jsonb_to_recordset(${JSON.stringify(lines)}::text::jsonb) AS line (actor text, action text, target text,
        detail jsonb, at timestamptz, "requestId" text, status integer, code text, address text)
      WHERE NOT EXISTS (SELECT FROM ${AUDIT.table} AS known
        WHERE known.${AUDIT.requestId} = line."requestId" AND known.${AUDIT.status} IS NOT NULL)`;
}

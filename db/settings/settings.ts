import type { Executor, Sql } from "../client.ts";
import { insertAudit } from "./audit.ts";

export interface Setting {
  readonly value: unknown;
  /** Grows by one with every change. */
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** What an operator chose; null: nobody ever did. */
export async function findSetting(sql: Executor, name: string): Promise<Setting | null> {
  const [row] = await sql<Setting[]>`
    SELECT value, version, changed_by AS "changedBy", changed_at AS "changedAt" FROM settings WHERE name = ${name}`;
  return row ?? null;
}

/** Stores an operator's choice and its audit line in one transaction. The row's lock gives two operators an order. */
export async function changeSetting(sql: Sql, name: string, value: string | number, actor: string): Promise<Setting> {
  return await sql.begin(async (tx) => {
    const json = JSON.stringify(value);
    const [row] = await tx<Setting[]>`
      INSERT INTO settings AS s (name, value, changed_by) VALUES (${name}, ${json}::text::jsonb, ${actor})
      ON CONFLICT (name) DO UPDATE
        SET value = EXCLUDED.value, version = s.version + 1, changed_by = EXCLUDED.changed_by, changed_at = now()
      RETURNING value, version, changed_by AS "changedBy", changed_at AS "changedAt"`;
    await insertAudit(tx, { actor, action: "setting.changed", target: name, detail: { value } });
    return row!;
  });
}

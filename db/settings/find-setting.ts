import type { Executor } from "../client.ts";

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

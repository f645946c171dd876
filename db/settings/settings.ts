import type { Executor, Sql } from "../client.ts";
import { SETTING } from "../names.ts";
import { insertAudit } from "./audit.ts";

export interface Setting {
  readonly value: unknown;
  /** Grows by one with every change. */
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** What an operator chose; null: none did. */
export async function findSetting(sql: Executor, name: string): Promise<Setting | null> {
  const [row] = await sql<Setting[]>`
    SELECT ${SETTING.value}, ${SETTING.version}, ${SETTING.changedBy} AS "changedBy", ${SETTING.changedAt} AS "changedAt"
      FROM ${SETTING.table} WHERE ${SETTING.name} = ${name}`;
  return row ?? null;
}

/** Stores an operator's choice and its audit line in one transaction. The row's lock gives two operators an order. */
export async function changeSetting(sql: Sql, name: string, value: string | number, actor: string): Promise<Setting> {
  return await sql.begin(async (tx) => {
    const json = JSON.stringify(value);
    const [before] = await tx<{ value: unknown }[]>`
      SELECT ${SETTING.value} FROM ${SETTING.table} WHERE ${SETTING.name} = ${name} FOR UPDATE`;
    const [row] = await tx<Setting[]>`
      INSERT INTO ${SETTING.table} AS s (${SETTING.name}, ${SETTING.value}, ${SETTING.changedBy}) VALUES (${name},
        ${json}::text::jsonb, ${actor})
      ON CONFLICT (${SETTING.name}) DO UPDATE
        SET ${SETTING.value} = EXCLUDED.${SETTING.value}, ${SETTING.version} = s.${SETTING.version} + 1,
          ${SETTING.changedBy} = EXCLUDED.${SETTING.changedBy}, ${SETTING.changedAt} = now()
      RETURNING ${SETTING.value}, ${SETTING.version}, ${SETTING.changedBy} AS "changedBy", ${SETTING.changedAt} AS "changedAt"`;
    await insertAudit(tx, {
      actor,
      action: "setting.changed",
      target: name,
      detail: { from: before?.value ?? null, to: value },
    });
    return row!;
  });
}

import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { Topic } from "../../contracts/topics.ts";
import { textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { PARKED } from "../names.ts";

/** A command that waits, as it was in the log. */
export interface ParkedCommand {
  readonly eventId: string;
  readonly orderId: OrderId;
  readonly step: Step;
  readonly topic: Topic;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly reason: string;
  /** How often it was parked before. */
  readonly attempts: number;
}

/**
 * Parks commands for `delayMs` each, once per event. DO UPDATE, not DO NOTHING: a command that was just sent again may be
 * back here before its old row is deleted; the update waits for that, and then the command is inserted, not forgotten.
 */
export async function parkCommands(
  sql: Executor,
  commands: readonly (ParkedCommand & { readonly delayMs: number })[],
): Promise<void> {
  const rows = [...commands].sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
  await sql`
    INSERT INTO ${PARKED.table} AS d (${PARKED.eventId}, ${PARKED.orderId}, ${PARKED.step}, ${PARKED.topic}, ${PARKED.key},
      ${PARKED.value}, ${PARKED.headers}, ${PARKED.reason}, ${PARKED.attempts}, ${PARKED.dueAt})
    SELECT c ->> 'eventId', c ->> 'orderId', c ->> 'step', c ->> 'topic', c ->> 'key', c ->> 'value', c -> 'headers',
           c ->> 'reason', (c ->> 'attempts')::int, now() + (c ->> 'delayMs')::int * interval '1 millisecond'
    FROM jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) AS c
    ON CONFLICT (${PARKED.eventId}) DO UPDATE SET
      ${PARKED.attempts} = greatest(d.${PARKED.attempts}, excluded.${PARKED.attempts}),
      ${PARKED.dueAt} = least(d.${PARKED.dueAt}, excluded.${PARKED.dueAt})`;
}

/** Most commands in one transaction. */
const AT_ONCE = 500;

export interface Resent {
  readonly count: number;
  /** Milliseconds until the next one is due; null: none waits. */
  readonly nextInMs: number | null;
}

/**
 * Gives the parked commands that are due to `send`, and deletes them when it has succeeded. Several processes may do it at the
 * same time; each takes other rows. If a process dies in between, the commands are sent a second time, which every step allows.
 */
export function resendParked(sql: Sql, send: (commands: readonly ParkedCommand[]) => Promise<void>): Promise<Resent> {
  return sql.begin(async (tx) => {
    const due = await tx<ParkedCommand[]>`
      SELECT ${PARKED.eventId} AS "eventId", ${PARKED.orderId} AS "orderId", ${PARKED.step}, ${PARKED.topic},
        ${PARKED.key}, ${PARKED.value}, ${PARKED.headers}, ${PARKED.reason}, ${PARKED.attempts}
      FROM ${PARKED.table} WHERE ${PARKED.dueAt} <= clock_timestamp()
      ORDER BY ${PARKED.dueAt} LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED`;
    if (due.length > 0) {
      await send(due);
      await tx`DELETE FROM ${PARKED.table} WHERE ${PARKED.eventId} = ANY (${textArray(due.map((c) => c.eventId))}::text[])`;
    }
    const [next] = await tx<{ in: number | null }[]>`
      SELECT extract(epoch FROM min(${PARKED.dueAt}) - clock_timestamp())::float8 * 1000 AS in FROM ${PARKED.table}`;
    return { count: due.length, nextInMs: next!.in };
  });
}

/**
 * Steps whose command is parked, because a dependency is unavailable or the coupon is not in PostgreSQL yet; role
 * delayed-commands sends it again.
 */
export function findParkedSteps(
  sql: Executor,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly step: string }[]> {
  return sql<{ orderId: string; step: string }[]>`
    SELECT DISTINCT ${PARKED.orderId} AS "orderId", ${PARKED.step} FROM ${PARKED.table}
    WHERE ${PARKED.orderId} = ANY (${textArray(orderIds)}::text[])`;
}

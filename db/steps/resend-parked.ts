import { textArray } from "../array-literal.ts";
import type { Sql } from "../client.ts";
import type { ParkedCommand } from "./park-commands.ts";

/** So many in one transaction. */
const AT_ONCE = 500;

export interface Resent {
  readonly count: number;
  /** Milliseconds until the next one is due; null: none waits. */
  readonly nextInMs: number | null;
}

/**
 * Hands the parked commands that are due to `send` and forgets them once it is through. Several processes may do it at the
 * same time, each takes other rows. One that dies in between leaves them to be sent a second time, which steps don't mind.
 */
export function resendParked(sql: Sql, send: (commands: readonly ParkedCommand[]) => Promise<void>): Promise<Resent> {
  return sql.begin(async (tx) => {
    const due = await tx<ParkedCommand[]>`
      SELECT event_id AS "eventId", order_id AS "orderId", step, topic, key, value, headers, reason, attempts
      FROM delayed_commands WHERE due_at <= clock_timestamp()
      ORDER BY due_at LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED`;
    if (due.length > 0) {
      await send(due);
      await tx`DELETE FROM delayed_commands WHERE event_id = ANY (${textArray(due.map((c) => c.eventId))}::text[])`;
    }
    const [next] = await tx<{ in: number | null }[]>`
      SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 * 1000 AS in FROM delayed_commands`;
    return { count: due.length, nextInMs: next!.in };
  });
}

import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { Topic } from "../../contracts/topics.ts";
import type { Executor } from "../client.ts";

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
    INSERT INTO delayed_commands AS d (event_id, order_id, step, topic, key, value, headers, reason, attempts, due_at)
    SELECT c ->> 'eventId', c ->> 'orderId', c ->> 'step', c ->> 'topic', c ->> 'key', c ->> 'value', c -> 'headers',
           c ->> 'reason', (c ->> 'attempts')::int, now() + (c ->> 'delayMs')::int * interval '1 millisecond'
    FROM jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) AS c
    ON CONFLICT (event_id) DO UPDATE SET
      attempts = greatest(d.attempts, excluded.attempts), due_at = least(d.due_at, excluded.due_at)`;
}

import type { UserId } from "../../contracts/wire/ids.ts";
import type { Executor } from "../../db/client.ts";
import { userKeys } from "../../lua/keys.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { CheckResult } from "../check.ts";

interface Ended {
  readonly orderId: string;
  readonly userId: UserId;
  readonly status: string;
}

/** How many of the newest orders are checked; an inbox keeps a day. */
const LATEST = 10_000;
const AT_ONCE = 1_000;

/**
 * What an owner was told about the end of an order is how the order ended. The end of an order never changes, so inboxes may
 * be read after the rows. A message that is missing proves nothing, because inboxes are trimmed and expire.
 */
export async function checkToldEnds(redis: RedisConnection, sql: Executor): Promise<CheckResult> {
  const ended = await sql<Ended[]>`
    SELECT id AS "orderId", user_id AS "userId", status FROM orders
    WHERE settled_at > now() - interval '1 day' AND status IN ('COMPLETED', 'CANCELLED')
    ORDER BY settled_at DESC LIMIT ${LATEST}`;
  const statusOf = new Map(ended.map(({ orderId, status }) => [orderId, status]));
  const owners = [...new Set(ended.map(({ userId }) => userId))];
  const violations = new Set<string>();
  let examined = 0;
  for (let at = 0; at < owners.length; at += AT_ONCE) {
    const inboxes = owners.slice(at, at + AT_ONCE).map((userId) => redis.xrange(userKeys(userId).inbox, "-", "+"));
    for (const messages of await Promise.all(inboxes)) {
      for (const [, fields] of messages) {
        const told = endTold(fields[1] ?? "");
        const status = told === null ? undefined : statusOf.get(told.orderId);
        if (told === null || status === undefined) continue;
        examined++;
        if (told.status !== status)
          violations.add(`order ${told.orderId}: ${status}, its owner was told ${told.status}`);
      }
    }
  }
  return { name: "order-told", violations: [...violations], examined };
}

/** What a message says of how an order ended; null: it says nothing of that. */
function endTold(json: string): { readonly orderId: string; readonly status: string } | null {
  if (!json.includes('"order.status"')) return null;
  const { type, orderId, status } = JSON.parse(json);
  return type === "order.status" && (status === "COMPLETED" || status === "CANCELLED") ? { orderId, status } : null;
}

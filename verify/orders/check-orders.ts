import type { Sql } from "../../db/client.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { CheckResult } from "../check.ts";
import { readBooks } from "./books.ts";
import { checkProvider } from "./check-provider.ts";
import { checkToldEnds } from "./told-ends.ts";
import { checkWaitingOrders } from "./waiting-orders.ts";

export interface OrderCheckSources {
  readonly redis: RedisConnection;
  /** A single connection, set up for whole tables (../staging.ts). */
  readonly sql: Sql;
  /** The payment provider, which may show books. */
  readonly url: string | undefined;
  /** Age from which an entry of the order ledger is stuck, milliseconds; null: no consumer runs. */
  readonly stuckMs: number | null;
  readonly patienceMs: number;
  readonly recheckMs: number;
  /** How long after its deadline an order is overdue, milliseconds. */
  readonly graceMs: number;
  /** How many orders of the log the saga has not read. */
  readonly unread: () => Promise<number>;
}

/** The order relay looks every LEDGER_AGE_MS (5 s), so it gets this many times the patience of a group that always moves. */
const RELAY_ROUNDS = 3;

/** All checks of orders. @returns also whether any order is open: then the groups of orders must move on */
export async function checkOrders(
  sources: OrderCheckSources,
): Promise<{ readonly open: boolean; readonly verdicts: CheckResult[] }> {
  const { redis, sql, graceMs } = sources;
  const waiting = await checkWaitingOrders({ ...sources, patienceMs: RELAY_ROUNDS * sources.patienceMs });
  const { counts, verdicts } = await sql.begin("isolation level repeatable read", (tx) => readBooks(tx, graceMs));
  const told = await checkToldEnds(redis, sql);
  const provider = await checkProvider(sources);
  const open = counts.open > 0 || waiting.some(({ examined }) => examined > 0);
  return { open, verdicts: [...waiting, ...verdicts, told, provider] };
}

import type { DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import type { Executor } from "../client.ts";

/** How many dead letters there are of each status that occurs; answered from an index. */
export function countDeadLetters(
  sql: Executor,
): Promise<readonly { readonly status: DeadLetterStatus; readonly count: number }[]> {
  return sql`SELECT status, count(*)::int AS count FROM dead_letters GROUP BY status`;
}

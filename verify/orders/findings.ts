import type { PendingQuery, Row, TransactionSql } from "postgres";
import type { CheckName, CheckResult } from "../check.ts";

/** How many findings are listed; the others are only counted. */
const LISTED = 100;

/** A select of (`what`, `why`): what is looked at, in a word and its id, and what is wrong with it (NULL: nothing). */
export type Question = PendingQuery<Row[]>;

/** Asks a question about a whole table. A thing that is wrong in several ways, or in several lines, counts once. */
export async function ask(
  tx: TransactionSql,
  name: CheckName,
  question: Question,
  examined: number,
): Promise<CheckResult> {
  const found = await tx<{ what: string; why: string; total: number }[]>`
    SELECT what, min(why) AS why, count(*) OVER ()::integer AS total FROM (${question}) AS asked
    WHERE why IS NOT NULL GROUP BY what ORDER BY what LIMIT ${LISTED}`;
  const violations = found.map(({ what, why }) => `${what}: ${why}`);
  return { name, violations, more: (found[0]?.total ?? 0) - violations.length, examined };
}

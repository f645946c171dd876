import type postgres from "postgres";
import { readBooks } from "../../verify/orders/books.ts";

/** Longer than any order of a test takes. */
const GRACE_MS = 600_000;
/** One broken promise often shows in every order. */
const SHOWN = 10;

/**
 * What `./dev verify` finds wrong with the books of orders, from one snapshot: it holds at every moment, so this may be asked
 * while processes die. Nothing: they balance.
 */
export async function complaints(sql: postgres.Sql): Promise<readonly string[]> {
  const { verdicts } = await sql.begin("isolation level repeatable read", (tx) => readBooks(tx, GRACE_MS));
  return verdicts.flatMap(({ name, violations }) => violations.slice(0, SHOWN).map((what) => `${name}: ${what}`));
}

/** What is still open: sagas that wait, commands that are parked, payments without their last word. */
export async function outstanding(sql: postgres.Sql): Promise<{ sagas: number; parked: number; payments: number }> {
  const [row] = await sql<{ sagas: number; parked: number; payments: number }[]>`
    SELECT (SELECT count(*)::int FROM order_sagas WHERE due_at IS NOT NULL) AS sagas,
           (SELECT count(*)::int FROM delayed_commands) AS parked,
           (SELECT count(*)::int FROM payments
            WHERE status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted) AS payments`;
  return { ...row! };
}

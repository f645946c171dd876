import { textArray } from "./array-literal.ts";
import type { LeasePool } from "./client.ts";

/** First keys of advisory locks that make one process of many do a piece of work; the second is the name's hash. */
export const LEASES = {
  saleLoader: 5_784_310,
  claimRelay: 5_784_311,
  ledgerTail: 5_784_312,
  revocations: 5_784_313,
  orderSweeper: 5_784_314,
  deferredClaims: 5_784_315,
  orderRelay: 5_784_320,
  admission: 5_784_321,
  retention: 5_784_322,
} as const;

/**
 * Does `work` with those of `names` that no other process holds, and releases them afterwards; if the process dies, its
 * connection releases them. The lease keeps two processes from doing the same work twice; it does not protect it
 * (a lost connection frees it while the work goes on), so the work itself must be harmless when done twice.
 * Costs one more connection while the work lasts, idle in a transaction that holds nothing but these locks; the work must not
 * take a lease itself.
 * @returns undefined when other processes hold all names
 */
export async function withLeases<T>(
  { sql }: LeasePool,
  kind: number,
  names: readonly string[],
  work: (held: readonly string[]) => Promise<T>,
): Promise<T | undefined> {
  const done = await sql.begin(async (tx) => {
    await tx`SET LOCAL idle_in_transaction_session_timeout = 0`;
    const rows = await tx<{ name: string }[]>`
      SELECT name FROM unnest(${textArray(names)}::text[]) AS name
      WHERE pg_try_advisory_xact_lock(${kind}, hashtext(name))`;
    return rows.length === 0 ? undefined : { result: await work(rows.map(({ name }) => name)) };
  });
  return done?.result;
}

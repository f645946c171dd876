import { and, desc, eq, lt } from "drizzle-orm";
import type { GrantPoints, MyPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { MAX_MONEY, type Money } from "../../contracts/wire/money.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { pointBalances, pointLedger } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";

const cursors = serialCursors("points");

/**
 * A user's balance, and what made it, newest first. The two are read one after the other: a page may already show what the
 * balance beside it does not count. @throws StampedeError VALIDATION_FAILED for a foreign cursor
 */
export async function listMyPoints(orm: Orm, userId: string, cursor: string | null, limit: number): Promise<MyPoints> {
  const before = cursor === null ? undefined : lt(pointLedger.id, cursors.decode(cursor)[0]);
  const [own] = await orm
    .select({ balance: pointBalances.balance })
    .from(pointBalances)
    .where(eq(pointBalances.userId, userId));
  const rows = await orm
    .select()
    .from(pointLedger)
    .where(and(eq(pointLedger.userId, userId), before))
    .orderBy(desc(pointLedger.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  const items = page.map(({ id, delta, reason, orderId, createdAt }) => {
    return { id: String(id), delta, reason, orderId, createdAt: createdAt.toISOString() };
  });
  return {
    balance: own?.balance ?? 0,
    items,
    nextCursor: last === undefined ? null : cursors.encode(last.id),
  } as MyPoints;
}

/**
 * An operator's gift: the balance, the ledger row that proves it, and the audit line. Call it in a transaction (once.ts).
 * What orders took and may still give back counts: a gift must never be what a cancelled order's points no longer fit beside.
 * @throws StampedeError AMOUNT_OUT_OF_RANGE: the balance would be, or could become, more than an amount can be
 */
export async function grantPoints(
  tx: Executor,
  { userId, amount, reason }: GrantPoints,
  actor: string,
): Promise<PointsGranted> {
  const [before] = await tx<{ balance: string }[]>`
    INSERT INTO point_balances (user_id) VALUES (${userId})
    ON CONFLICT (user_id) DO UPDATE SET updated_at = now() RETURNING balance`;
  // In a separate statement: it sees what was committed while the statement before it waited for the row's lock.
  const outstanding = await mayComeBack(tx, userId);
  // As integers of any size: the sum may be beyond what a number holds exactly.
  const most = BigInt(before!.balance) + BigInt(outstanding) + BigInt(amount);
  if (most > BigInt(MAX_MONEY)) {
    throw new StampedeError(
      "AMOUNT_OUT_OF_RANGE",
      "with what open orders may give back, the balance would be too large",
    );
  }
  const [balance] = await tx<{ balance: string }[]>`
    UPDATE point_balances SET balance = balance + ${amount} WHERE user_id = ${userId} RETURNING balance`;
  const [entry] = await tx<{ id: string }[]>`
    INSERT INTO point_ledger (user_id, delta, reason, actor) VALUES (${userId}, ${amount}, ${reason}, ${actor})
    RETURNING id`;
  await insertAudit(tx, { actor, action: "points.granted", target: userId, detail: { amount, reason } });
  return { id: String(entry!.id), userId, amount, reason, balance: Number(balance!.balance) as Money };
}

/** What a user's orders took and have not given back, those apart that are completed: they keep it. */
async function mayComeBack(tx: Executor, userId: string): Promise<string> {
  const [row] = await tx<{ points: string }[]>`
    SELECT coalesce(-sum(taken.net), 0)::text AS points
    FROM (SELECT order_id, sum(delta) AS net FROM point_ledger
          WHERE user_id = ${userId} AND order_id IS NOT NULL GROUP BY order_id HAVING sum(delta) < 0) taken
    LEFT JOIN orders o ON o.id = taken.order_id
    WHERE o.status IS DISTINCT FROM 'COMPLETED'`;
  return row!.points;
}

export interface SeedBalance {
  readonly userId: string;
  readonly points: number;
}

/**
 * Gives points to those users who have no balance yet. One statement: a balance without its ledger row never exists, and
 * users who have one, whatever it is, get nothing. @returns how many users got points
 */
export async function seedPoints(sql: Executor, balances: readonly SeedBalance[]): Promise<number> {
  const { count } = await sql`
    WITH opened AS (
      INSERT INTO point_balances (user_id, balance)
      SELECT * FROM unnest(${textArray(balances.map(({ userId }) => userId))}::text[],
                           ${intArray(balances.map(({ points }) => points))}::bigint[])
      ON CONFLICT (user_id) DO NOTHING
      RETURNING user_id, balance
    )
    INSERT INTO point_ledger (user_id, delta, reason, actor) SELECT user_id, balance, 'Seed', 'operator:cli' FROM opened`;
  return count;
}

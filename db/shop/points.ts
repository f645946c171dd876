import { and, desc, eq, lt } from "drizzle-orm";
import type { GrantPoints, MyPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { MAX_MONEY, type Money } from "../../contracts/wire/money.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { BALANCE, ORDER, POINTS } from "../names.ts";
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

/** Points that one operator may grant. */
export interface GrantLimits {
  readonly perGrant: number;
  /** In 24 hours. */
  readonly perDay: number;
}

/**
 * Refuses a grant beyond the operator's limits. The ledger says what they granted; grants of one operator wait for each other, so
 * that two at once cannot both take what is left. @throws StampedeError GRANT_LIMIT
 */
async function checkLimits(tx: Executor, amount: number, actor: string, { perGrant, perDay }: GrantLimits) {
  if (amount > perGrant) {
    throw new StampedeError("GRANT_LIMIT", `One grant may be ${perGrant} points; an admin may grant more`);
  }
  await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`grants:${actor}`}, 0))`;
  // In a separate statement: it sees what was committed while the lock was awaited.
  const [row] = await tx<{ granted: string }[]>`
    SELECT coalesce(sum(${POINTS.delta}), 0)::text AS granted FROM ${POINTS.table}
    WHERE ${POINTS.actor} = ${actor} AND ${POINTS.orderId} IS NULL AND ${POINTS.delta} > 0
      AND ${POINTS.createdAt} > now() - interval '24 hours'`;
  const left = Math.max(0, perDay - Number(row!.granted));
  if (amount > left) {
    const detail = `${perDay} points may be granted in 24 hours, and ${left} of them are left; an admin may grant more`;
    throw new StampedeError("GRANT_LIMIT", detail, { extra: { left } });
  }
}

/**
 * An operator's gift: the balance, the ledger row that proves it, and the audit line. Call it in a transaction (once.ts).
 * What orders took and may still give back counts: a gift must never be what a cancelled order's points no longer fit beside.
 * @param limits null: none
 * @throws StampedeError GRANT_LIMIT; AMOUNT_OUT_OF_RANGE: the balance would be, or could become, more than an amount can be
 */
export async function grantPoints(
  tx: Executor,
  { userId, amount, reason }: GrantPoints,
  actor: string,
  limits: GrantLimits | null = null,
): Promise<PointsGranted> {
  if (limits !== null) await checkLimits(tx, amount, actor, limits);
  const [before] = await tx<{ balance: string }[]>`
    INSERT INTO ${BALANCE.table} (${BALANCE.userId}) VALUES (${userId})
    ON CONFLICT (${BALANCE.userId}) DO UPDATE SET ${BALANCE.updatedAt} = now() RETURNING ${BALANCE.balance}`;
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
    UPDATE ${BALANCE.table} SET ${BALANCE.balance} = ${BALANCE.balance} + ${amount} WHERE ${BALANCE.userId} = ${userId}
      RETURNING ${BALANCE.balance}`;
  const [entry] = await tx<{ id: string }[]>`
    INSERT INTO ${POINTS.table} (${POINTS.userId}, ${POINTS.delta}, ${POINTS.reason}, ${POINTS.actor}) VALUES (${userId},
      ${amount}, ${reason}, ${actor})
    RETURNING ${POINTS.id}`;
  const to = Number(balance!.balance);
  await insertAudit(tx, {
    actor,
    action: "points.granted",
    target: userId,
    detail: { amount, reason, from: to - amount, to },
  });
  return { id: String(entry!.id), userId, amount, reason, balance: Number(balance!.balance) as Money };
}

/** What a user's orders took and have not given back, those apart that are completed: they keep it. */
async function mayComeBack(tx: Executor, userId: string): Promise<string> {
  const [row] = await tx<{ points: string }[]>`
    SELECT coalesce(-sum(taken.net), 0)::text AS points
    FROM (SELECT ${POINTS.orderId}, sum(${POINTS.delta}) AS net FROM ${POINTS.table}
          WHERE ${POINTS.userId} = ${userId}
            AND ${POINTS.orderId} IS NOT NULL GROUP BY ${POINTS.orderId} HAVING sum(${POINTS.delta}) < 0) taken
    LEFT JOIN ${ORDER.table} o ON o.${ORDER.id} = taken.${POINTS.orderId}
    WHERE o.${ORDER.status} IS DISTINCT FROM 'COMPLETED'`;
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
      INSERT INTO ${BALANCE.table} (${BALANCE.userId}, ${BALANCE.balance})
      SELECT * FROM unnest(${textArray(balances.map(({ userId }) => userId))}::text[],
                           ${intArray(balances.map(({ points }) => points))}::bigint[])
      ON CONFLICT (${BALANCE.userId}) DO NOTHING
      RETURNING ${BALANCE.userId}, ${BALANCE.balance}
    )
    INSERT INTO ${POINTS.table} (${POINTS.userId}, ${POINTS.delta}, ${POINTS.reason},
      ${POINTS.actor}) SELECT ${BALANCE.userId}, ${BALANCE.balance}, 'Seed', 'operator:cli' FROM opened`;
  return count;
}

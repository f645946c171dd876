import { StampedeError } from "../../contracts/errors.ts";
import type { GrantPoints, PointsGranted } from "../../contracts/http-points.ts";
import { MAX_MONEY, type Money } from "../../contracts/money.ts";
import type { Executor } from "../client.ts";
import { insertAudit } from "./insert-audit.ts";

/**
 * An operator's gift: the balance, the ledger row that proves it, and the audit line. Call it in a transaction (once.ts).
 * @throws StampedeError AMOUNT_OUT_OF_RANGE: the balance would be beyond what an amount can be
 */
export async function grantPoints(
  tx: Executor,
  { userId, amount, reason }: GrantPoints,
  actor: string,
): Promise<PointsGranted> {
  const [balance] = await tx<{ balance: string }[]>`
    INSERT INTO point_balances AS b (user_id, balance) VALUES (${userId}, ${amount})
    ON CONFLICT (user_id) DO UPDATE SET balance = b.balance + excluded.balance, updated_at = now()
    WHERE b.balance + excluded.balance <= ${MAX_MONEY}
    RETURNING balance`;
  if (balance === undefined) throw new StampedeError("AMOUNT_OUT_OF_RANGE", "the balance would be too large");
  const [entry] = await tx<{ id: string }[]>`
    INSERT INTO point_ledger (user_id, delta, reason, actor) VALUES (${userId}, ${amount}, ${reason}, ${actor})
    RETURNING id`;
  await insertAudit(tx, { actor, action: "points.granted", target: userId, detail: { amount, reason } });
  return { id: String(entry!.id), userId, amount, reason, balance: Number(balance.balance) as Money };
}

import type { Executor } from "../client.ts";
import type { LoadState, SaleIntent } from "../schema.ts";
import { SALE_LOCK } from "./lock-sales.ts";

export interface LockedSale {
  readonly id: string;
  readonly total: number;
  readonly epoch: number;
  readonly state: SaleIntent;
  readonly load_state: LoadState;
}

/**
 * Locks one sale for a change, until the transaction ends: batches that hold it (shareSales) finish first, later ones
 * wait. null: no such sale.
 */
export async function lockSale(sql: Executor, couponId: string): Promise<LockedSale | null> {
  await sql`SELECT pg_advisory_xact_lock(${SALE_LOCK}, hashtext(${couponId}))`;
  const [sale] = await sql<LockedSale[]>`
    SELECT id, total, epoch, state, load_state FROM coupons WHERE id = ${couponId} FOR UPDATE`;
  return sale ?? null;
}

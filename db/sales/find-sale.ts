import { eq } from "drizzle-orm";
import type { Orm } from "../client.ts";
import { coupons } from "../schema.ts";

export type SaleRow = typeof coupons.$inferSelect;

/** A sale's terms; null: no such sale. */
export async function findSale(orm: Orm, couponId: string): Promise<SaleRow | null> {
  const [row] = await orm.select().from(coupons).where(eq(coupons.id, couponId));
  return row ?? null;
}

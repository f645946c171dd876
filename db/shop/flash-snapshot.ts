import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { OUTCOME, PRODUCT, SAGA } from "../names.ts";

export interface FlashSnapshot {
  readonly stocks: readonly { readonly productId: ProductId; readonly stock: number }[];
  /** Those of the orders that take nothing (more) out of the stock: reserved, refused, or cancelled before. */
  readonly settled: readonly OrderId[];
  /** Those of the orders that PostgreSQL has. */
  readonly known: readonly OrderId[];
}

/**
 * What flash products can still sell, and which of the orders that were admitted are in it. One statement, so one snapshot:
 * between two, an order could be in the stock and still be held, or neither.
 */
export async function flashSnapshot(sql: Executor, orderIds: readonly OrderId[]): Promise<FlashSnapshot> {
  const asked = textArray(orderIds);
  const rows = await sql<{ kind: "STOCK" | "SETTLED" | "KNOWN"; id: string; stock: number }[]>`
    SELECT 'STOCK' AS kind, ${PRODUCT.id}, ${PRODUCT.stock} FROM ${PRODUCT.table} WHERE ${PRODUCT.flash}
    UNION ALL
    SELECT 'SETTLED', ${OUTCOME.orderId}, 0 FROM ${OUTCOME.table} WHERE ${OUTCOME.orderId} = ANY (${asked}::text[])
      AND ${OUTCOME.step} = 'STOCK'
    UNION ALL
    SELECT CASE WHEN ${SAGA.status} IN ('COMPLETED', 'CANCELLED') THEN 'SETTLED' ELSE 'KNOWN' END, ${SAGA.orderId}, 0
    FROM ${SAGA.table} WHERE ${SAGA.orderId} = ANY (${asked}::text[])`;
  const of = (kind: string) => rows.filter((row) => row.kind === kind);
  const settled = [...new Set(of("SETTLED").map(({ id }) => id as OrderId))];
  return {
    stocks: of("STOCK").map(({ id, stock }) => ({ productId: id as ProductId, stock })),
    settled,
    known: [...settled, ...of("KNOWN").map(({ id }) => id as OrderId)],
  };
}

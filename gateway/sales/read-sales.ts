import type { SaleList } from "../../contracts/claims/http.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import type { SaleCount } from "../../lua/sale-reading.ts";
import { viewSale } from "./sale-view.ts";

/** A page of rows, newest first. `nextCursor` null: it is the last one. @throws StampedeError VALIDATION_FAILED, DATABASE_UNAVAILABLE */
export type ListRows = (
  cursor: string | null,
  limit: number,
) => Promise<{ readonly rows: readonly SaleRow[]; readonly nextCursor: string | null }>;

/** A page of sales, newest first. @throws as ListRows */
export type ReadSales = (cursor: string | null, limit: number) => Promise<SaleList>;

export interface ReadSalesParts {
  readonly list: ListRows;
  /** At most half a second old; null: not in Redis. */
  readonly count: (row: SaleRow) => SaleCount | null | Promise<SaleCount | null>;
  readonly now: () => number;
}

/** Reads a page from PostgreSQL, with the counts of its sales. */
export const createReadSales = ({ list, count, now }: ReadSalesParts): ReadSales => {
  return async (cursor, limit) => {
    const { rows, nextCursor } = await list(cursor, limit);
    const counts = await Promise.all(rows.map(count));
    const at = now();
    const items = rows.map((row, i) => viewSale(row, counts[i] ?? null, at));
    return { items, nextCursor, now: new Date(at).toISOString() };
  };
};

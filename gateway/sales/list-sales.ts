import { pageOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import { type SaleSources, viewSale } from "./sale-view.ts";

/** GET /coupons: all sales, newest first. */
export function listSalesRoute(sources: SaleSources): Handler {
  return async (request) => {
    const { cursor, limit } = pageOf(request);
    const { rows, nextCursor } = await sources.list(cursor, limit);
    const live = await Promise.all(rows.map((row) => sources.live(row.id as never)));
    const now = Date.now();
    return json(200, { items: rows.map((row, i) => viewSale(row, live[i] ?? null, now)), nextCursor });
  };
}

import type { Sql } from "../client.ts";
import type { SaleIntent } from "../schema.ts";
import { lockSale } from "./lock-sale.ts";
import { moveLoadState } from "./move-load-state.ts";

/**
 * The last step of a load: under the sale's lock `open` puts the sale into Redis with the state that it has now, and LOADING
 * becomes LOADED. An operator who paused or closed the sale while its winners were being read was answered that it holds; so
 * the sale opens paused or closed. A change that comes afterwards finds it loaded.
 * @returns what `open` says; OVERTAKEN without a call when the sale is not LOADING in this epoch any more
 * @throws what `open` throws: the sale stays LOADING, and a new epoch begins
 */
export async function finishLoading<Code extends string>(
  sql: Sql,
  couponId: string,
  epoch: number,
  open: (state: SaleIntent) => Promise<Code>,
): Promise<Code | "OVERTAKEN"> {
  let outcome: Code | "OVERTAKEN" = "OVERTAKEN";
  await sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || sale.epoch !== epoch || sale.load_state !== "LOADING") return;
    outcome = await open(sale.state);
    if (outcome === "LOADED") await moveLoadState(tx, couponId, epoch, "LOADING", "LOADED");
  });
  return outcome;
}

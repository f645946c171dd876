import type { LiveSale } from "../../db/sales/live.ts";
import type { SaleHealth } from "../../lua/sale-health.ts";

/** What a sale needs, by comparing what PostgreSQL wants with what Redis has. */
export type Diagnosis =
  | { readonly need: "nothing" | "first-load" | "set-terms" }
  | { readonly need: "recovery"; readonly why: string };

/**
 * - first-load: NEW proves that no claim was ever granted, so there is nothing to wait for.
 * - recovery: Redis lost the sale (restart, failover, FLUSHALL, scripts gone, keys that somebody wrote over), shows another epoch than PostgreSQL, a fence
 *   was raised, or a loader died half-way. A claim may be anywhere between the two, so the whole way is taken.
 * - set-terms: an operator's word that Redis missed: the state, or the total.
 */
export function diagnose(
  sale: Pick<LiveSale, "loadState" | "epoch" | "state" | "total">,
  health: SaleHealth,
): Diagnosis {
  if (sale.loadState === "NEW" && health.epoch <= sale.epoch && !health.loaded) return { need: "first-load" };
  if (sale.loadState !== "LOADED") return { need: "recovery", why: sale.loadState };
  if (!health.loaded) {
    const { reason = "NOT_LOADED", detail } = health;
    return { need: "recovery", why: detail === undefined ? reason : `${reason} ${detail}` };
  }
  if (health.epoch !== sale.epoch) return { need: "recovery", why: `EPOCH ${health.epoch}` };
  return { need: health.state === sale.state && health.total === sale.total ? "nothing" : "set-terms" };
}

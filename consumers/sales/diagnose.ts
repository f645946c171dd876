import type { LiveSale } from "../../db/sales/live.ts";
import type { SaleHealth } from "../../lua/sale-health.ts";

/** What the loader must do for a sale, from a comparison of PostgreSQL with Redis. */
export type Diagnosis =
  | { readonly need: "nothing" | "first-load" | "set-terms" }
  | { readonly need: "recovery"; readonly why: string };

/**
 * - first-load: NEW proves that no claim was ever granted, so there is nothing to wait for.
 * - recovery: Redis lost the sale (restart, failover, FLUSHALL, scripts gone, keys that were overwritten), has another epoch than
 *   PostgreSQL, is fenced, or a loader died during the load. A claim may be anywhere between the two, so all steps are needed.
 * - set-terms: Redis missed an operator's change of the state, the total or the end.
 */
export function diagnose(
  sale: Pick<LiveSale, "loadState" | "epoch" | "state" | "total" | "endsAt">,
  health: SaleHealth,
): Diagnosis {
  if (sale.loadState === "NEW" && health.epoch <= sale.epoch && !health.loaded) return { need: "first-load" };
  if (sale.loadState !== "LOADED") return { need: "recovery", why: sale.loadState };
  if (!health.loaded) {
    const { reason = "NOT_LOADED", detail } = health;
    return { need: "recovery", why: detail === undefined ? reason : `${reason} ${detail}` };
  }
  if (health.epoch !== sale.epoch) return { need: "recovery", why: `EPOCH ${health.epoch}` };
  const isSame = health.state === sale.state && health.total === sale.total && health.endsAt === sale.endsAt.getTime();
  return { need: isSame ? "nothing" : "set-terms" };
}

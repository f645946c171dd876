import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import type { Sql } from "../../db/client.ts";
import type { LiveSale } from "../../db/sales/live.ts";
import { beginLoading, finishLoading, snapshotWinners } from "../../db/sales/load.ts";
import type { SaleLoading, SaleTerms } from "../../lua/sale-loading.ts";
import type { LoadedWinner } from "../../lua/sale-shadow.ts";

/** OVERTAKEN: another loader, a new fence or a restart of Redis came first. The next look sees the sale again. */
export type LoadOutcome = "LOADED" | "OVERTAKEN";

export function termsOf(sale: LiveSale): SaleTerms {
  return {
    total: sale.total,
    startsAt: sale.startsAt.getTime(),
    endsAt: sale.endsAt.getTime(),
    mode: sale.issueMode,
    name: sale.name,
    state: sale.state,
  };
}

async function* winnersOf(sql: Sql, couponId: string): AsyncGenerator<LoadedWinner> {
  for await (const page of snapshotWinners(sql, couponId)) {
    for (const { userId, slot, requestId } of page) {
      yield { userId: userId as UserId, slot, requestId: requestId as RequestId };
    }
  }
}

/**
 * The last steps of every load: state LOADING, winners from PostgreSQL into Redis, lift the fence, state LOADED. Every step
 * checks that the epoch is still this loader's: of two loaders one stops, and the sale is never wrong.
 * Claims granted between the last two steps wait some milliseconds until PostgreSQL says LOADED.
 */
export async function loadSale(
  sql: Sql,
  loading: Pick<SaleLoading, "load">,
  couponId: CouponId,
  epoch: number,
  from: "NEW" | "RECOVERING",
): Promise<LoadOutcome> {
  const sale = await beginLoading(sql, couponId, epoch, from);
  if (sale === null) return "OVERTAKEN";
  const outcome = await loading.load(couponId, termsOf(sale), epoch, winnersOf(sql, couponId), {
    lastStep: (open) =>
      finishLoading(sql, couponId, epoch, ({ state, endsAt }) => open({ state, endsAt: endsAt.getTime() })),
  });
  return outcome === "LOADED" ? "LOADED" : "OVERTAKEN";
}

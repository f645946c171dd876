import type { CouponId } from "../../contracts/wire/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import { findSale, listSales as listSaleRows } from "../../db/sales/list.ts";
import { findReopening } from "../../db/sales/reopening.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { createSaleScripts, type SaleScripts } from "../../lua/sale-scripts.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import { type Board, createBoard } from "./board.ts";
import { followSales } from "./follow-sales.ts";
import { createReadSales, listSales, type ReadSales } from "./list-sales.ts";
import { createSaleRecovering, type SaleRecovering } from "./recovering.ts";
import { readWinnersFilter, redisSaleUpdates } from "./redis-sale-updates.ts";
import { createViewSale, type SaleSources, type ViewSale } from "./sale-view.ts";
import { showSale } from "./show-sale.ts";
import { createWhyNotLoaded, type WhyNotLoaded } from "./why-not-loaded.ts";

/** Called when a sale opens again or is sold out. */
export type SaleChanged = (couponId: CouponId, change: "opened" | "soldout") => void;

/** What the gateway knows of sales. */
export interface Sales {
  readonly board: Board;
  readonly scripts: SaleScripts;
  readonly viewSale: ViewSale;
  /** All sales, for operators. */
  readonly readAll: ReadSales;
  readonly whyNotLoaded: WhyNotLoaded;
  readonly recovering: SaleRecovering;
  readonly endpoints: readonly Endpoint[];
  /** Names the one listener of changes. */
  onChange(listener: SaleChanged): void;
  /** Begins to follow Redis' announcements. @returns how to stop */
  follow(leftOut: LeftOut): () => void;
}

export interface SaleParts {
  readonly readListed: ReadSales;
  readonly viewSale: ViewSale;
}

export const saleEndpoints = ({ readListed, viewSale }: SaleParts): Endpoint[] => [
  showSale(viewSale),
  listSales(readListed),
];

/** The sales on Redis and PostgreSQL. */
export function composeSales(connections: GatewayConnections, config: GatewayConfig, metrics: GatewayMetrics): Sales {
  const { redis, subscriber, sql, orm, guarded, onError } = connections;
  let changed: SaleChanged = () => {};
  const board = createBoard({
    ttlMs: config.GATE_TTL_MS,
    readWinners: (couponId, maxBytes) => readWinnersFilter(redis, couponId, maxBytes),
    maxFilterBytes: config.GATE_WINNERS_MB * 1_048_576,
    onChange: (couponId, change) => changed(couponId, change),
    onError,
  });
  metrics.gauge("stampede_gate_filter_bytes", "Memory of the winners' filters of all sales", board.filterBytes);
  const scripts = createSaleScripts(redis);
  const whyNotLoaded = createWhyNotLoaded(
    (couponId) => findReopening(sql, couponId),
    config.MESSAGE_TIMEOUT_MS,
    onError,
  );
  const sources: SaleSources = {
    find: (couponId) => guarded(() => findSale(orm, couponId)),
    list: (cursor, limit) => guarded(() => listSaleRows(orm, cursor, limit)),
    listed: (cursor, limit) => guarded(() => listSaleRows(orm, cursor, limit, true)),
    live: (couponId) =>
      readSale(redis, couponId).catch((error: unknown) => {
        onError(error);
        return null; // shown as RECOVERING, with the terms from PostgreSQL
      }),
  };
  const viewSale = createViewSale(sources);
  return {
    board,
    scripts,
    viewSale,
    readAll: createReadSales(sources.list, sources.live),
    whyNotLoaded,
    recovering: createSaleRecovering(whyNotLoaded),
    endpoints: saleEndpoints({ readListed: createReadSales(sources.listed, sources.live), viewSale }),
    onChange(listener) {
      changed = listener;
    },
    follow: (leftOut) =>
      followSales(board, redisSaleUpdates(redis, subscriber, scripts.forget, onError), leftOut, onError),
  };
}

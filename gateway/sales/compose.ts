import type { CouponId } from "../../contracts/wire/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import { findSale, findSales, listSales as listSaleRows, type SaleRow, saleCursor } from "../../db/sales/list.ts";
import { findReopening } from "../../db/sales/reopening.ts";
import { readCount, readSale, redisTime } from "../../lua/sale-reading.ts";
import { createSaleScripts, type SaleScripts } from "../../lua/sale-scripts.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import { type Board, createBoard } from "./board.ts";
import { followSales } from "./follow-sales.ts";
import { listSales } from "./list-sales.ts";
import { createReadSales, type ReadSales } from "./read-sales.ts";
import { createSaleRecovering, type SaleRecovering } from "./recovering.ts";
import { RedisClock } from "./redis-clock.ts";
import { readWinnersFilter, redisSaleUpdates } from "./redis-sale-updates.ts";
import { createViewSale, type ViewSale } from "./sale-view.ts";
import { showSale } from "./show-sale.ts";
import { ShownPages } from "./shown-pages.ts";
import { ShownSales } from "./shown-sales.ts";
import { createWhyNotLoaded, type WhyNotLoaded } from "./why-not-loaded.ts";

/** Called when a sale opens again or is sold out. */
export type SaleChanged = (couponId: CouponId, change: "opened" | "soldout") => void;

/** What the gateway knows of sales. */
export interface Sales {
  readonly board: Board;
  readonly scripts: SaleScripts;
  /** The sale as it is now, for the operator who changed it; others see the change from then on, too. */
  readonly viewSale: ViewSale;
  /** What visitors see, at most half a second old. */
  readonly shown: ShownSales;
  /** The clock that decides claims, milliseconds since 1970. */
  readonly now: () => number;
  /** All sales, for operators. */
  readonly readAll: ReadSales;
  readonly whyNotLoaded: WhyNotLoaded;
  readonly recovering: SaleRecovering;
  readonly endpoints: readonly Endpoint[];
  /** Names the one listener of changes. */
  onChange(listener: SaleChanged): void;
  /** Names the one listener of all announcements, and of operators' changes here. */
  onAnnounced(listener: (couponId: CouponId) => void): void;
  /** Begins to follow Redis' announcements. @returns how to stop */
  follow(leftOut: LeftOut): () => void;
}

export interface SaleParts {
  readonly shown: ShownSales;
  readonly pages: ShownPages;
}

export const saleEndpoints = ({ shown, pages }: SaleParts): Endpoint[] => [showSale(shown), listSales(pages)];

/** What visitors see, read over the display connection. */
function displayOf({ displayRedis, orm, guarded, onError }: GatewayConnections) {
  const { now } = new RedisClock(() => redisTime(displayRedis));
  const shown = new ShownSales({
    findRows: (couponIds) => guarded(() => findSales(orm, couponIds)),
    count: (couponId) =>
      readCount(displayRedis, couponId).catch((error: unknown) => {
        onError(error);
        return null; // shown as RECOVERING, with the terms from PostgreSQL
      }),
    now,
  });
  const count = (row: SaleRow) => shown.count(row);
  const pages = new ShownPages({
    list: (cursor, limit) => guarded(() => listSaleRows(orm, cursor, limit, true)),
    cursorAfter: saleCursor,
    count,
    now,
  });
  const readAll = createReadSales({
    list: (cursor, limit) => guarded(() => listSaleRows(orm, cursor, limit)),
    count,
    now,
  });
  return { now, shown, pages, readAll };
}

/** A sale as it is now; a question after a change never gets an answer from before it. */
function viewNow({ redis, orm, guarded, onError }: GatewayConnections): ViewSale {
  return createViewSale({
    find: (couponId) => guarded(() => findSale(orm, couponId)),
    live: (couponId) =>
      readSale(redis, couponId).catch((error: unknown) => {
        onError(error);
        return null; // shown as RECOVERING, with the terms from PostgreSQL
      }),
  });
}

/** The sales on Redis and PostgreSQL. */
export function composeSales(connections: GatewayConnections, config: GatewayConfig, metrics: GatewayMetrics): Sales {
  const { redis, subscriber, sql, onError } = connections;
  const { now, shown, pages, readAll } = displayOf(connections);
  let changed: SaleChanged = () => {};
  let told: (couponId: CouponId) => void = () => {};
  const announced = (couponId: CouponId) => {
    shown.forget(couponId);
    told(couponId);
  };
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
  const view = viewNow(connections);
  return {
    board,
    scripts,
    viewSale(couponId) {
      announced(couponId);
      pages.forgetAll();
      return view(couponId);
    },
    shown,
    now,
    readAll,
    whyNotLoaded,
    recovering: createSaleRecovering(whyNotLoaded),
    endpoints: saleEndpoints({ shown, pages }),
    onChange(listener) {
      changed = listener;
    },
    onAnnounced(listener) {
      told = listener;
    },
    follow: (leftOut) =>
      followSales(board, redisSaleUpdates(redis, subscriber, announced, scripts.forget, onError), leftOut, onError),
  };
}

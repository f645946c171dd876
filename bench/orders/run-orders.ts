import { Histogram } from "../load/histogram.ts";
import { waitUntilSettled } from "../settle.ts";
import type { Target } from "../target.ts";
import { readOrderBooks } from "./books.ts";
import { driveOrders } from "./drive.ts";
import { judgeOrders, type OrderOutcome } from "./judgement.ts";
import type { OrderLoadResult, OrderPace, OrderProgress } from "./plan.ts";
import { type BenchShop, openShop } from "./shop.ts";

export interface OrderLoad {
  readonly orders: number;
  /** Each has a WebSocket. */
  readonly users: number;
  readonly pace: OrderPace;
  /** Every n-th order is by card alone; 0: none. */
  readonly plainEvery: number;
  /** No order is placed after this many seconds. */
  readonly seconds?: number;
  readonly connections?: number;
}

export interface OrderWatch {
  /** A sentence per step. */
  readonly onStep?: (text: string) => void;
  readonly onProgress?: (progress: OrderProgress) => void;
  /** All users are ready and nothing else runs; the first order is placed when this has resolved. */
  readonly onReady?: () => Promise<void>;
}

export interface OrderRun {
  readonly shop: BenchShop;
  readonly load: OrderLoadResult;
  readonly outcome: OrderOutcome;
  readonly figures: OrderFigures;
}

/** e2e: from POST to the final socket message. */
export interface OrderFigures {
  readonly orders_per_s: number;
  readonly e2e_p50_ms: number;
  readonly e2e_p95_ms: number;
  readonly e2e_p99_ms: number;
}

const CONNECTIONS = 64;
const PATIENCE_MS = 60_000;

/**
 * Creates products, sales and users, lets the users win coupons and order, and waits until each owner was told the end. Judges
 * by what they were told and by PostgreSQL.
 */
export async function runOrders(target: Target, wish: OrderLoad, watch: OrderWatch = {}): Promise<OrderRun> {
  const { orders, pace, plainEvery, connections = CONNECTIONS } = wish;
  const users = Math.min(wish.users, orders);
  const shop = await openShop(target, { users, ordersEach: Math.ceil(orders / users) });
  const { host, port, tokens } = target;
  const load = await driveOrders(
    {
      host,
      port,
      ...tokens,
      connections,
      prefix: shop.prefix,
      users,
      goods: shop.goods,
      amount: orders,
      seconds: wish.seconds ?? null,
      pace,
      plainEvery,
      patienceMs: PATIENCE_MS,
    },
    {
      async onReady() {
        await waitUntilSettled(target); // the coupons are persisted then, and their winners told
        const { sales, products } = shop.goods;
        const coupons = sales.length === 1 ? "a coupon" : `${sales.length} coupons`;
        watch.onStep?.(`${products.length} flash products; ${users} people on WebSockets have won ${coupons} each`);
        await watch.onReady?.();
      },
      ...(watch.onProgress === undefined ? {} : { onProgress: watch.onProgress }),
    },
  );
  const outcome = judgeOrders(load, await readOrderBooks(target, shop), shop);
  return { shop, load, outcome, figures: figuresOf(load) };
}

function figuresOf(load: OrderLoadResult): OrderFigures {
  const settled = Histogram.parse(load.settled);
  return {
    orders_per_s: settled.count / load.seconds,
    e2e_p50_ms: settled.percentile(50) / 1_000,
    e2e_p95_ms: settled.percentile(95) / 1_000,
    e2e_p99_ms: settled.percentile(99) / 1_000,
  };
}

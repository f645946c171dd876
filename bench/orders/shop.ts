import { createDatabase } from "../../db/client.ts";
import { seedPoints } from "../../db/shop/points.ts";
import { createProduct, createSale } from "../admin.ts";
import type { Target } from "../target.ts";
import type { Goods, PricedProduct } from "./goods.ts";
import { POINTS_AN_ORDER } from "./mix.ts";

export interface ShopWish {
  readonly users: number;
  /** About how many orders a user places. Each user wins one coupon for each, and has points for twice as many. */
  readonly ordersEach: number;
}

/** Products, sales and users of one run, so that everything counted afterwards belongs to it. */
export interface BenchShop {
  readonly prefix: string;
  readonly users: number;
  readonly goods: Goods;
  /** Pieces of each product at the beginning. */
  readonly stock: number;
}

const PRODUCTS = 20;
/** More than all users can buy. */
const STOCK = 10_000_000;
/** The first ones cost 20.00, each further one 2.50 more. */
const priceOf = (n: number) => 2_000 + 250 * n;
/** Coupons take turns: 5.00 off, or 20 % but at most 10.00. */
const TERMS = [
  { discountType: "FIXED", discountValue: 500 },
  { discountType: "PERCENT", discountValue: 20, maxDiscount: 1_000 },
] as const;
const PORTION = 2_000;

/** Flash products, sales and points, made as an operator makes them (points as `./dev seed` does: 1,000 grants are 1,000 calls). */
export async function openShop(target: Target, { users, ordersEach }: ShopWish): Promise<BenchShop> {
  const prefix = `o${Date.now().toString(36)}-`;
  const name = `Orders ${prefix.slice(0, -1)}`;
  const points = POINTS_AN_ORDER * (2 * ordersEach + 10);
  const [products, soldOut, sales] = await Promise.all([
    Promise.all(
      Array.from({ length: PRODUCTS }, async (_, n): Promise<PricedProduct> => {
        const wish = { name: `${name}, product ${n}`, stock: STOCK, price: priceOf(n), flash: true };
        return { id: (await createProduct(target, wish)).id, price: wish.price };
      }),
    ),
    createProduct(target, { name: `${name}, sold out`, stock: 0, price: 1_000, flash: false }),
    Promise.all(
      Array.from({ length: ordersEach }, (_, n) =>
        createSale(target, { name: `${name}, coupon ${n}`, total: users, startsInMs: -1_000, ...TERMS[n % 2]! }),
      ),
    ),
    givePoints(target, prefix, users, points),
  ]);
  const goods = { products, soldOut: soldOut.id, sales: sales.map(({ id }) => id), points };
  return { prefix, users, goods, stock: STOCK };
}

async function givePoints(target: Target, prefix: string, users: number, points: number): Promise<void> {
  const database = createDatabase(target.env.DATABASE_URL!, { max: 1, name: "bench", statementTimeoutMs: 60_000 });
  try {
    for (let from = 0; from < users; from += PORTION) {
      const portion = Array.from({ length: Math.min(PORTION, users - from) }, (_, i) => from + i);
      await seedPoints(
        database.sql,
        portion.map((i) => ({ userId: `${prefix}${i}`, points })),
      );
    }
  } finally {
    await database.close();
  }
}

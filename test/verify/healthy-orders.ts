import type { OrderCreated } from "../../contracts/orders/events.ts";
import { type OrderId, orderIdOf, orderNumberOf, type ProductId } from "../../contracts/orders/ids.ts";
import { orderCreated } from "../../contracts/orders/messages.ts";
import { type CouponId, newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { type Currency, moneyOf } from "../../contracts/wire/money.ts";
import type { Sql } from "../../db/client.ts";
import { createSale } from "../../db/sales/change.ts";
import { grantPoints } from "../../db/shop/points.ts";
import { createProduct, restockProduct } from "../../db/shop/products.ts";
import type { VerifiedShop } from "./shop.ts";

export const [MUG, CUP, GOLD] = ["mug", "cup", "gold"] as ProductId[] as [ProductId, ProductId, ProductId];
const DISCOUNT = 100;
const GRANTED = 5_000;

interface Wish {
  /** All in points. */
  readonly free?: true;
  readonly plain?: true;
  readonly product?: ProductId;
  readonly token?: string;
  readonly country?: string;
  /** Topics that are not read: the order stays where it is. */
  readonly withheld?: readonly string[];
}

/** One order of each kind, by how it ends, or where it stands. Each has a user of that name. */
export const KINDS = {
  paid: {},
  free: { free: true },
  plain: { plain: true },
  scarce: { product: GOLD },
  declined: { token: "tok_decline" },
  unreachable: { country: "AQ" },
  underway: { withheld: ["payment-events"] },
  undoing: { country: "AQ", withheld: ["payment-compensation-events"] },
} as const satisfies Record<string, Wish>;
export type Kind = keyof typeof KINDS;

export interface HealthyOrders {
  readonly couponId: CouponId;
  readonly orders: Readonly<Record<Kind, OrderId>>;
}

/**
 * Orders as the product makes them, through its own roles and statements: with a coupon, points and a payment; free; plain;
 * refused by the stock, the card and the country; one that waits for its payment, one whose refund was not requested yet.
 */
export async function createHealthyOrders(sql: Sql, shop: VerifiedShop): Promise<HealthyOrders> {
  await createProduct(sql, MUG, { name: "Mug", stock: 20, price: moneyOf(1_000), flash: false }, "test");
  await createProduct(sql, CUP, { name: "Cup", stock: 20, price: moneyOf(500), flash: false }, "test");
  await createProduct(sql, GOLD, { name: "Gold", stock: 0, price: moneyOf(1_000), flash: false }, "test");
  await sql.begin((tx) => restockProduct(tx, MUG, 5, "test"));
  const couponId = newCouponId();
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const terms = { id: couponId, name: "test", total: 100, startsAt: at(-60_000), endsAt: at(3_600_000) };
  await createSale(sql, { ...terms, discountType: "FIXED", discountValue: DISCOUNT }, "test");
  const orders: Partial<Record<Kind, OrderId>> = {};
  for (const [i, kind] of (Object.keys(KINDS) as Kind[]).entries()) {
    const wish: Wish = KINDS[kind];
    const userId = kind as string as UserId;
    await sql.begin((tx) => grantPoints(tx, { userId, amount: moneyOf(GRANTED), reason: "a gift" }, "test"));
    await sql`INSERT INTO user_coupons (coupon_id, user_id, slot, request_id)
      VALUES (${couponId}, ${userId}, ${i + 1}, ${newRequestId(couponId, Date.now())})`;
    const created = placed(userId, couponId, wish);
    orders[kind] = created.data.orderId;
    await shop.run([created], wish.withheld);
  }
  return { couponId, orders: orders as Record<Kind, OrderId> };
}

/** Two mugs (or gold) and a cup: 25.00, less a coupon of 1.00 and 5.00 in points. */
function placed(
  userId: UserId,
  couponId: CouponId,
  { free, plain, product = MUG, token, country }: Wish,
): OrderCreated {
  const orderId = orderIdOf(userId, "key", "{}");
  const items = [
    { productId: CUP, quantity: 1, unitPrice: moneyOf(500) },
    { productId: product, quantity: 2, unitPrice: moneyOf(1_000) },
  ].sort((a, b) => (a.productId < b.productId ? -1 : 1));
  const total = 2_500;
  const discount = plain ? 0 : DISCOUNT;
  const points = plain ? 0 : free ? total - discount : 500;
  const data: OrderCreated["data"] = {
    orderId,
    userId,
    orderNumber: orderNumberOf(orderId),
    idempotencyKey: "key",
    source: "items",
    items,
    flashItems: [],
    currency: "EUR" as Currency,
    totalAmount: moneyOf(total),
    discountAmount: moneyOf(discount),
    pointsUsed: moneyOf(points),
    payableAmount: moneyOf(total - discount - points),
    couponId: plain ? null : couponId,
    payment: { token: token ?? "tok_ok" },
    shipping: { country: country ?? "DE" },
  };
  return orderCreated(data, Date.now());
}

import type { OrderId } from "../../contracts/orders/ids.ts";
import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { CartToOrder } from "../../db/orders/known.ts";
import type { PlacedOrders } from "../../lua/placed-orders.ts";

export interface CartSources {
  readonly cartOrders: PlacedOrders["cartOrders"];
  readonly findCart: (userId: UserId, orders: readonly OrderId[]) => Promise<CartToOrder>;
}

export interface TakenCart {
  readonly lines: readonly ProductQuantity[];
  /** A counter that each order from the cart increases: order-place.lua refuses lines that were read before the last order. */
  readonly version: string;
}

/**
 * The lines that an order from the cart buys: the cart as it will be when PostgreSQL has the user's other orders from it, so
 * that two orders do not buy the same lines. Redis is read first, because an order that leaves it meanwhile is in PostgreSQL.
 */
export async function takeCart(sources: CartSources, userId: UserId, orderId: OrderId): Promise<TakenCart> {
  const { version, lines: taking } = await sources.cartOrders(userId);
  const others = [...taking.keys()].filter((other) => other !== orderId);
  const { lines, known } = await sources.findCart(userId, others);
  const waiting = others.filter((other) => !known.has(other));
  const taken = new Set(waiting.flatMap((other) => taking.get(other)!.map(nameOf)));
  return { lines: lines.filter((line) => !taken.has(nameOf(line))), version };
}

// A line leaves the cart only with the ordered quantity: with another quantity, the user has changed it since.
const nameOf = ({ productId, quantity }: ProductQuantity) => `${productId} ${quantity}`;

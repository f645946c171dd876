import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { Executor } from "../../db/client.ts";
import {
  findReservations,
  insertReservations,
  lockProducts,
  moveStock,
  type Reservation,
  releaseReservations,
} from "../../db/steps/stock.ts";
import type { Restore, StepCommand } from "./request.ts";
import { COMPLETED, type LockedRows, type StepVerdict, type StepWork } from "./step-work.ts";

/** Reserves all lines of an order or none. */
export const stock: StepWork<"STOCK"> = {
  step: "STOCK",
  async enter(tx, commands, restores) {
    const orderIds = restores.map(({ orderId }) => orderId);
    const held = orderIds.length === 0 ? [] : await findReservations(tx, orderIds);
    const products = new Set(held.map(({ productId }) => productId));
    for (const { data } of commands) for (const { productId } of data.items) products.add(productId);
    return new Shelves(products.size === 0 ? new Map() : await lockProducts(tx, [...products]));
  },
};

/** The products of a batch, as they stand while it is judged. */
class Shelves implements LockedRows<"STOCK"> {
  /** Pieces by product, taken by the whole batch; below 0: put back. */
  readonly #taken = new Map<ProductId, number>();
  readonly #reserved: Reservation[] = [];
  readonly #released: OrderId[] = [];

  constructor(private readonly left: ReadonlyMap<ProductId, number>) {}

  async undo(tx: Executor, restores: readonly Restore<"STOCK">[]): Promise<void> {
    for (const { orderId } of restores) this.#released.push(orderId);
    for (const { productId, quantity } of await findReservations(tx, this.#released)) this.#take(productId, -quantity);
  }

  judge({ orderId, data: { items } }: StepCommand<"STOCK">): StepVerdict {
    // A product that is named twice counts twice. The gateway merges lines, but the stock must be right without that, too.
    const wanted = new Map<ProductId, number>();
    for (const { productId, quantity } of items) wanted.set(productId, (wanted.get(productId) ?? 0) + quantity);
    for (const [productId, quantity] of wanted) {
      const left = this.left.get(productId);
      if (left === undefined) return { outcome: "FAILED", reason: "PRODUCT_NOT_FOUND", productId };
      if (left - this.#takenOf(productId) < quantity) {
        return { outcome: "FAILED", reason: "INSUFFICIENT_STOCK", productId };
      }
    }
    for (const [productId, quantity] of wanted) {
      this.#take(productId, quantity);
      this.#reserved.push({ orderId, productId, quantity });
    }
    return COMPLETED;
  }

  async write(tx: Executor): Promise<void> {
    const moved = new Map([...this.#taken].filter(([, pieces]) => pieces !== 0));
    const writes: Promise<void>[] = [];
    if (moved.size > 0) writes.push(moveStock(tx, moved));
    if (this.#reserved.length > 0) writes.push(insertReservations(tx, this.#reserved));
    if (this.#released.length > 0) writes.push(releaseReservations(tx, this.#released));
    await Promise.all(writes);
  }

  #takenOf(productId: ProductId): number {
    return this.#taken.get(productId) ?? 0;
  }
  #take(productId: ProductId, pieces: number): void {
    this.#taken.set(productId, this.#takenOf(productId) + pieces);
  }
}

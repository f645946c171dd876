import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import type { Executor, Sql } from "../client.ts";
import { clearCarts, lockCarts, type OrderedCartLine, refillCarts } from "../shop/carts.ts";
import { countSales } from "../shop/sold.ts";
import { confirmReservations } from "../steps/stock.ts";
import { insertSagas, lockSagas, type NewSaga, updateSagas } from "./sagas.ts";
import { type OrderChange, updateOrders } from "./write.ts";

/** What a batch of events changed. */
export interface SagaWrites {
  /** Sagas that have no row yet. */
  readonly fresh: readonly NewSaga[];
  readonly known: readonly NewSaga[];
  readonly orders: readonly OrderChange[];
  /** Lines that leave their carts, and lines that come back. */
  readonly ordered: readonly OrderedCartLine[];
  readonly returned: readonly OrderedCartLine[];
  /** Ids of completed orders, and what they sold on `day` (UTC, `2027-01-31`). */
  readonly completed: readonly string[];
  readonly sold: readonly ProductQuantity[];
  readonly day: string;
}

/** Another batch inserted one of these orders meanwhile: nothing was written, and the decisions are void. */
export class SagaAppeared extends Error {}

/**
 * Advances orders in one transaction: locks their sagas, lets `advance` decide (it reads what it needs in the transaction, and
 * gets the versions of the sagas that exist), and writes the result.
 * @throws SagaAppeared; the driver's error. Nothing was written
 */
export function advanceSagas<Result>(
  sql: Sql,
  orderIds: readonly string[],
  advance: (
    tx: Executor,
    versions: ReadonlyMap<string, number>,
  ) => Promise<{ readonly writes: SagaWrites; readonly result: Result }>,
): Promise<{ readonly result: Result }> {
  return sql.begin(async (tx) => {
    const { writes, result } = await advance(tx, await lockSagas(tx, orderIds));
    await writeAll(tx, writes);
    return { result };
  });
}

/**
 * Statements go out together, and the database executes them in this order. Sales come last: batches wait for each other at a hot
 * product's row, so it is held for the shortest time.
 */
async function writeAll(tx: Executor, writes: SagaWrites): Promise<void> {
  const { fresh, known, orders, ordered, returned, completed, sold, day } = writes;
  const [inserted] = await Promise.all([
    insertSagas(tx, fresh),
    updateSagas(tx, known),
    updateOrders(tx, orders),
    lockCarts(
      tx,
      [...ordered, ...returned].map(({ userId }) => userId),
    ),
    clearCarts(tx, ordered),
    refillCarts(tx, returned),
    confirmReservations(tx, completed),
    countSales(tx, day, sold),
  ]);
  if (inserted < fresh.length) throw new SagaAppeared("another batch knows one of these orders already");
}

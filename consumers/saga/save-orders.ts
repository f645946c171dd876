import type { Executor } from "../../db/client.ts";
import { insertSagas, updateSagas } from "../../db/orders/sagas.ts";
import { updateOrders } from "../../db/orders/write.ts";
import { clearCarts, lockCarts, refillCarts } from "../../db/shop/carts.ts";
import { countSales } from "../../db/shop/sold.ts";
import { confirmReservations } from "../../db/steps/stock.ts";
import type { Folded } from "./fold-order.ts";
import { cartLines, completedBy, type OrderDeadlines, orderRow, sagaRow } from "./rows.ts";
import { storable } from "./storable.ts";

export interface SagaWrite {
  /** Now, milliseconds since 1970. */
  readonly at: number;
  readonly deadlines: OrderDeadlines;
  /** The database refused the order itself: it has a saga, and nothing else. */
  readonly refused: boolean;
}

/** Another batch inserted one of these orders meanwhile: everything decided here is void. */
export class SagaAppeared extends Error {}

/**
 * Writes what changed. Statements go out together, and the database works them off in this order. Sales come last: a hot
 * product's row is what batches wait for each other at, so it is held for the shortest time.
 * @throws SagaAppeared
 */
export async function saveOrders(tx: Executor, changed: readonly Folded[], write: SagaWrite): Promise<void> {
  const { at, deadlines, refused } = write;
  const row = (one: Folded) => (refused ? storable(sagaRow(one, at, deadlines)) : sagaRow(one, at, deadlines));
  const fresh = changed.filter(({ before }) => before === null).map(row);
  const known = changed.filter(({ before }) => before !== null).map(row);
  const completed = completedBy(changed);
  const sold = completed.flatMap(({ state }) => state.order?.items ?? []);
  const { ordered, returned } = cartLines(changed);
  const [inserted] = await Promise.all([
    insertSagas(tx, fresh),
    updateSagas(tx, known),
    refused
      ? undefined
      : updateOrders(
          tx,
          changed.flatMap((one) => orderRow(one) ?? []),
        ),
    lockCarts(
      tx,
      [...ordered, ...returned].map(({ userId }) => userId),
    ),
    clearCarts(tx, ordered),
    refillCarts(tx, returned),
    confirmReservations(
      tx,
      completed.map(({ orderId }) => orderId),
    ),
    countSales(tx, new Date(at).toISOString().slice(0, 10), sold),
  ]);
  if (inserted < fresh.length) throw new SagaAppeared("another batch knows one of these orders already");
}

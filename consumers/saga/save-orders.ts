import type { SagaWrites } from "../../db/orders/advance.ts";
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

/** What is to be written of a batch of orders. */
export function writesOf(changed: readonly Folded[], { at, deadlines, refused }: SagaWrite): SagaWrites {
  const row = (one: Folded) => (refused ? storable(sagaRow(one, at, deadlines)) : sagaRow(one, at, deadlines));
  const completed = completedBy(changed);
  return {
    fresh: changed.filter(({ before }) => before === null).map(row),
    known: changed.filter(({ before }) => before !== null).map(row),
    orders: refused ? [] : changed.flatMap((one) => orderRow(one) ?? []),
    ...cartLines(changed),
    completed: completed.map(({ orderId }) => orderId),
    sold: completed.flatMap(({ state }) => state.order?.items ?? []),
    day: new Date(at).toISOString().slice(0, 10),
  };
}

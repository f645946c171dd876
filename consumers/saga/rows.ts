import { type SagaState, stillOpen } from "../../contracts/orders/saga-state.ts";
import type { NewSaga } from "../../db/orders/sagas.ts";
import type { OrderChange } from "../../db/orders/write.ts";
import type { OrderedCartLine } from "../../db/shop/carts.ts";
import type { Folded } from "./fold-order.ts";

/** How long orders may take, milliseconds. */
export interface OrderDeadlines {
  /** Until the sweeper looks at it. */
  readonly sweepMs: number;
  /** Until silent steps are given up. */
  readonly settleMs: number;
}

const iso = (ms: number) => new Date(ms).toISOString();

const isOpen = (state: SagaState | null): boolean => state !== null && stillOpen(state);

/** The saga's row as it shall be. Its due time is moved seldom: when it opens, and when nothing is left to wait for. */
export function sagaRow(
  { orderId, before, state, transitions }: Folded,
  at: number,
  deadlines: OrderDeadlines,
): NewSaga {
  const open = isOpen(state);
  const dueAt = open === isOpen(before) ? {} : { dueAt: open ? iso(at + deadlines.sweepMs) : null };
  const settleBy = state.order === null ? null : iso(at + deadlines.settleMs);
  return { orderId, status: state.status, transitions, state, ...dueAt, settleBy };
}

/** What of the order's own row changed; null: nothing. A new row is PROCESSING. */
export function orderRow({ orderId, before, state }: Folded): OrderChange | null {
  const was = before === null || before.order === null ? "PROCESSING" : before.status;
  if (state.order === null || state.status === was) return null;
  const { failure, settled } = state;
  return {
    orderId,
    status: state.status,
    reason: failure?.reason ?? null,
    productId: failure?.productId ?? null,
    settledAt: settled === undefined ? null : iso(settled.at),
  };
}

const decided = ({ decisions }: Folded, type: "OrderOpened" | "OrderSettled") =>
  decisions.some((decision) => decision.type === type);

/** Orders that this batch completed: what they reserved is sold. */
export const completedBy = (folded: readonly Folded[]): Folded[] =>
  folded.filter((one) => one.state.status === "COMPLETED" && decided(one, "OrderSettled"));

/**
 * Lines that leave their carts, and lines that come back. An order that began and was cancelled in one batch moves nothing:
 * its lines never left.
 */
export function cartLines(folded: readonly Folded[]): {
  readonly ordered: OrderedCartLine[];
  readonly returned: OrderedCartLine[];
} {
  const ordered: OrderedCartLine[] = [];
  const returned: OrderedCartLine[] = [];
  for (const one of folded) {
    const { order, status } = one.state;
    if (order === null || order.source !== "cart") continue;
    const opened = decided(one, "OrderOpened");
    const cancelled = status === "CANCELLED" && decided(one, "OrderSettled");
    if (opened === cancelled) continue;
    const { orderId, userId } = order;
    const lines = order.items.map(({ productId, quantity }) => ({ orderId, userId, productId, quantity }));
    (opened ? ordered : returned).push(...lines);
  }
  return { ordered, returned };
}

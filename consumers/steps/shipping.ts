import type { OrderId } from "../../contracts/orders/ids.ts";
import { isDelivered, type ShippingTerms } from "../../contracts/orders/shipping.ts";
import type { Executor } from "../../db/client.ts";
import { cancelShipments, insertShipments, type Shipment } from "../../db/steps/shipments.ts";
import type { Restore, StepCommand } from "./request.ts";
import { COMPLETED, type LockedRows, type StepVerdict, type StepWork } from "./step-work.ts";

/**
 * Prepares shipments. The gateway refuses countries that are not served; the step judges again, because an order may have been
 * accepted under another list. There is nothing to lock: no two orders share a shipment.
 */
export const shipping = (delivery: ShippingTerms): StepWork<"SHIPPING"> => ({
  step: "SHIPPING",
  enter: async () => new Desk(delivery),
});

class Desk implements LockedRows<"SHIPPING"> {
  readonly #prepared: Shipment[] = [];
  readonly #cancelled: OrderId[] = [];

  constructor(private readonly delivery: ShippingTerms) {}

  async undo(_tx: Executor, restores: readonly Restore<"SHIPPING">[]): Promise<void> {
    for (const { orderId } of restores) this.#cancelled.push(orderId);
  }

  judge({ orderId, data: { shipping } }: StepCommand<"SHIPPING">): StepVerdict {
    if (!isDelivered(this.delivery, shipping)) return { outcome: "FAILED", reason: "SHIPPING_NOT_SERVED" };
    this.#prepared.push({ orderId, shipping });
    return COMPLETED;
  }

  async write(tx: Executor): Promise<void> {
    if (this.#prepared.length > 0) await insertShipments(tx, this.#prepared);
    if (this.#cancelled.length > 0) await cancelShipments(tx, this.#cancelled);
  }
}

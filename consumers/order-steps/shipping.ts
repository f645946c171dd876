import type { OrderId } from "../../contracts/order-ids.ts";
import type { Executor } from "../../db/client.ts";
import { cancelShipments } from "../../db/queries/cancel-shipments.ts";
import { insertShipments, type Shipment } from "../../db/queries/insert-shipments.ts";
import type { Command, Restore } from "./request.ts";
import { COMPLETED, type Ground, type StepWork, type Verdict } from "./step-work.ts";

/** Prepares shipments to the countries that are served (ISO 3166-1 alpha-2). There is nothing to lock: no two orders share one. */
export const shipping = (served: ReadonlySet<string>): StepWork<"SHIPPING"> => ({
  step: "SHIPPING",
  enter: async () => new Desk(served),
});

class Desk implements Ground<"SHIPPING"> {
  readonly #prepared: Shipment[] = [];
  readonly #cancelled: OrderId[] = [];

  constructor(private readonly served: ReadonlySet<string>) {}

  async undo(_tx: Executor, restores: readonly Restore<"SHIPPING">[]): Promise<void> {
    for (const { orderId } of restores) this.#cancelled.push(orderId);
  }

  judge({ orderId, data: { shipping } }: Command<"SHIPPING">): Verdict {
    if (!this.served.has(shipping.country)) return { outcome: "FAILED", reason: "SHIPPING_NOT_SERVED" };
    this.#prepared.push({ orderId, shipping });
    return COMPLETED;
  }

  async write(tx: Executor): Promise<void> {
    if (this.#prepared.length > 0) await insertShipments(tx, this.#prepared);
    if (this.#cancelled.length > 0) await cancelShipments(tx, this.#cancelled);
  }
}

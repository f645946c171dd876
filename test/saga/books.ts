import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { Effect } from "./model-step.ts";

/** Stock, coupon, points, money and parcels of one order's world. Effects are what the order says, not what a command says. */
export class SagaBooks {
  readonly stock = new Map<string, number>();
  couponUsed = false;
  points = 10_000;
  captured = 0;
  refunded = 0;
  parcels = 0;

  constructor(private readonly order: OrderCreated["data"]) {
    for (const { productId } of order.items) this.stock.set(productId, 100);
  }

  effectOf(step: Step): Effect {
    const { items, pointsUsed, payableAmount } = this.order;
    switch (step) {
      case "STOCK":
        return (direction) => {
          for (const { productId, quantity } of items) {
            this.stock.set(productId, this.stock.get(productId)! - direction * quantity);
          }
        };
      case "COUPON":
        return (direction) => {
          this.couponUsed = direction === 1;
        };
      case "POINT":
        return (direction) => {
          this.points -= direction * pointsUsed;
        };
      case "PAYMENT":
        return (direction) => {
          if (direction === 1) this.captured += payableAmount;
          else this.refunded += payableAmount;
        };
      case "SHIPPING":
        return (direction) => {
          this.parcels += direction;
        };
    }
  }

  /** What is wrong with them for an order that ended so; null: they balance. */
  complaint(ended: "COMPLETED" | "CANCELLED"): string | null {
    const { items, couponId, pointsUsed, payableAmount } = this.order;
    const done = ended === "COMPLETED";
    for (const { productId, quantity } of items) {
      if (this.stock.get(productId) !== 100 - (done ? quantity : 0)) return `stock of ${productId}`;
    }
    if (this.couponUsed !== (done && couponId !== null)) return "coupon";
    if (this.points !== 10_000 - (done ? pointsUsed : 0)) return "points";
    if (this.captured - this.refunded !== (done ? payableAmount : 0)) return "money";
    if (this.parcels !== (done ? 1 : 0)) return "parcels";
    return null;
  }
}

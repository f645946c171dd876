import type { Topic } from "../contracts/topics.ts";
import { createBunKafka } from "../kafka/bun/kafka.ts";
import type { Target } from "./target.ts";

/** Who reads what, of claims and of orders. */
const GROUPS: readonly (readonly [group: string, topics: readonly Topic[]])[] = [
  ["coupon-persist", ["coupon-issue-requests"]],
  ["notify", ["coupon-events", "notification-events"]],
  ["order-saga", ["order-events", "order-processing-results"]],
  ["stock", ["stock-events", "stock-compensation-events"]],
  ["coupon-usage", ["coupon-events", "coupon-compensation-events"]],
  ["points", ["point-events", "point-compensation-events"]],
  ["payment", ["payment-events", "payment-compensation-events"]],
  ["shipping", ["shipping-events", "shipping-compensation-events"]],
  ["admission", ["compensation-events"]],
];
const LIMIT_MS = 120_000;
const LOOK_MS = 250;

/** Waits until the consumers have nothing left of the run before: their work would be counted in the next one. */
export async function settle(target: Target): Promise<void> {
  const admin = createBunKafka({ brokers: target.env.KAFKA_BROKERS!, clientId: "bench" }).admin();
  const deadline = performance.now() + LIMIT_MS;
  const isBehind = async () => {
    for (const [group, topics] of GROUPS) {
      if ((await admin.groupLag(group, topics)).some(({ lag }) => lag > 0)) return true;
    }
    return false;
  };
  try {
    while ((await isBehind()) && performance.now() < deadline) await Bun.sleep(LOOK_MS);
  } finally {
    await admin.close();
  }
}

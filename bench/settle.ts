import { createBunKafka } from "../kafka/bun/kafka.ts";
import type { Target } from "./target.ts";

const GROUPS = [
  ["coupon-persist", "coupon-issue-requests"],
  ["notify", "coupon-events"],
] as const;
const LIMIT_MS = 120_000;

/** Waits until the consumers have nothing left of the run before: their work would be counted in the next one. */
export async function settle(target: Target): Promise<void> {
  const admin = createBunKafka({ brokers: target.env.KAFKA_BROKERS!, clientId: "bench" }).admin();
  const deadline = Date.now() + LIMIT_MS;
  try {
    for (;;) {
      let lag = 0;
      for (const [group, topic] of GROUPS) {
        for (const partition of await admin.groupLag(group, [topic])) lag += partition.lag;
      }
      if (lag === 0 || Date.now() > deadline) return;
      await Bun.sleep(250);
    }
  } finally {
    await admin.close();
  }
}

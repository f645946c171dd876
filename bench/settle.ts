import { ALL_GROUPS } from "../contracts/groups.ts";
import { createBunKafka } from "../kafka/bun/kafka.ts";
import type { Target } from "./target.ts";

const LIMIT_MS = 120_000;
const LOOK_MS = 250;

/** Waits until the consumers have nothing left of the run before: their work would be counted in the next one. */
export async function waitUntilSettled(target: Target): Promise<void> {
  const admin = createBunKafka({ brokers: target.env.KAFKA_BROKERS!, clientId: "bench" }).admin();
  const deadline = performance.now() + LIMIT_MS;
  const isBehind = async () => {
    for (const { groupId, topics } of ALL_GROUPS) {
      if ((await admin.groupLag(groupId, topics)).some(({ lag }) => lag > 0)) return true;
    }
    return false;
  };
  try {
    while ((await isBehind()) && performance.now() < deadline) await Bun.sleep(LOOK_MS);
  } finally {
    await admin.close();
  }
}

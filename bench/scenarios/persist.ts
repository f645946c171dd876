import type { CouponClaimed } from "../../contracts/claims/events.ts";
import { type CouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { createRedis, whenReady } from "../../lua/redis.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import { createSale } from "../admin.ts";
import { consumersOf } from "../consumers.ts";
import { cpuMicros, pidsOf } from "../processes.ts";
import { openRows } from "../rows.ts";
import type { Scenario, ScenarioRun } from "../scenario.ts";
import type { Target } from "../target.ts";

const CLAIMS = 200_000;
const BATCH = 500;
const SETTLE_MS = 120_000;

/** Claims that wait in the log: how fast one consumer process writes them down, acknowledgements in Redis included. */
export const persist: Scenario = {
  name: "persist",
  variants: [
    {
      name: `${CLAIMS} waiting claims, one process of role coupon-persist`,
      budgets: [{ figure: "persisted_per_s", atLeast: 20_000 }],
      run,
    },
  ],
};

async function run(target: Target): Promise<ScenarioRun> {
  const consumers = consumersOf(target);
  const sale = await createSale(target, { name: "Persist", total: CLAIMS, startsInMs: -1000 });
  const couponId = sale.id as CouponId;
  const rows = openRows(target.env.DATABASE_URL!);
  // All roles at once would measure the ledger's reader too: it takes what waits longer than five seconds.
  await consumers.stop();
  try {
    const wrong = await fill(target, couponId);
    await consumers.start("coupon-persist");
    const pids = pidsOf(target.runDir, "consumers");
    const before = cpuMicros(pids);
    const deadline = performance.now() + SETTLE_MS;
    const reachedAt = await rows.reach(couponId, { wanted: () => CLAIMS, deadline: () => deadline });
    const after = cpuMicros(pids);
    const seconds = await rows.insertSeconds(couponId);
    if (reachedAt === null) wrong.push(`${await rows.count(couponId)} of ${CLAIMS} claims were persisted in time`);
    const cpu = before === null || after === null ? null : (after - before) / CLAIMS;
    return {
      couponId,
      wrong,
      figures: {
        requests: CLAIMS,
        seconds,
        rps: CLAIMS / seconds,
        // No client waits for an answer here, and the gateway takes no part.
        p50_ms: null,
        p99_ms: null,
        max_ms: null,
        cpu_us_per_request: null,
        persisted_per_s: CLAIMS / seconds,
        consumer_cpu_us_per_row: cpu,
      },
    };
  } finally {
    await rows.close();
    await consumers.stop();
    await consumers.start();
  }
}

/** Claims as the gateway makes them: granted by the sale's own script, then logged. */
async function fill(target: Target, couponId: CouponId): Promise<string[]> {
  const redis = createRedis(target.env.REDIS_URL!, { name: "bench" });
  const kafka = createBunKafka({ brokers: target.env.KAFKA_BROKERS!, clientId: "bench" });
  const producer = kafka.producer();
  const scripts = createSaleScripts(redis);
  let refused = 0;
  try {
    if (!(await whenReady(redis, 5_000))) throw new Error("Redis does not answer");
    for (let from = 0; from < CLAIMS; from += BATCH) {
      const asked = Array.from({ length: BATCH }, (_, i) => ({
        userId: `p-${from + i}` as UserId,
        requestId: newRequestId(couponId, Date.now()),
      }));
      const { results, epoch } = await scripts.claim(couponId, asked);
      const events = asked.flatMap((claim, i): CouponClaimed["data"][] => {
        const result = results[i]!;
        if (result.code !== "ACCEPTED") return [];
        return [{ ...claim, couponId, slot: result.slot, epoch, ledgerId: result.ledgerId }];
      });
      refused += BATCH - events.length;
      await producer.sendAll(
        events.map((data) => ({ topic: "coupon-issue-requests", value: JSON.stringify(event(data)) })),
      );
    }
  } finally {
    await producer.close();
    redis.disconnect();
  }
  return refused === 0 ? [] : [`${refused} of ${CLAIMS} claims were refused`];
}

function event(data: CouponClaimed["data"]): CouponClaimed {
  return {
    eventId: data.requestId,
    type: "CouponClaimed",
    version: 1,
    aggregateId: data.couponId,
    stream: "bench",
    sequence: data.slot,
    occurredAt: new Date().toISOString(),
    correlationId: data.requestId,
    causationId: null,
    data,
  };
}

import { createSale } from "../admin.ts";
import { openCrowd } from "../crowd/crowd.ts";
import { renewGateway } from "../gateway.ts";
import { Histogram } from "../load/histogram.ts";
import { cpuMicros, pidsOf, residentBytes } from "../processes.ts";
import type { Scenario, ScenarioRun } from "../scenario.ts";
import type { Target } from "../target.ts";
import { createMint } from "../tokens.ts";

const SOCKETS = 10_000;
/** Sockets that are opened before the measurement, so that it does not count the runtime's first allocations. */
const WARM = 1_000;
const QUIET_MS = 2_000;
const HEAR_MS = 10_000;

/** Ten thousand idle, authenticated sockets: memory each; then how fast all of them hear that a sale is sold out. */
export const sockets: Scenario = {
  name: "sockets",
  variants: [
    {
      name: `${SOCKETS} idle sockets`,
      budgets: [{ figure: "bytes_per_socket", atMost: 4096 }],
      run,
    },
  ],
};

async function run(target: Target): Promise<ScenarioRun> {
  await renewGateway(target);
  const sale = await createSale(target, { name: "Sockets", total: 1, startsInMs: -1000 });
  const prefix = `s${Date.now().toString(36)}-`;
  const people = (from: number, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);
  const gateways = pidsOf(target.runDir, "gateway");
  const warm = await openCrowd(target, people(0, WARM), null);
  await Bun.sleep(QUIET_MS);
  const bytesBefore = residentBytes(gateways);
  const cpuBefore = cpuMicros(gateways);
  const begun = performance.now();
  const crowd = await openCrowd(target, people(WARM, SOCKETS), null);
  const seconds = (performance.now() - begun) / 1000;
  const cpuAfter = cpuMicros(gateways);
  try {
    await Bun.sleep(QUIET_MS);
    const bytesAfter = residentBytes(gateways);
    await crowd.subscribe(sale.id);
    const soldOutAt = await sellOut(target, sale.id);
    const deadline = performance.now() + HEAR_MS;
    while (crowd.heardSoldOut.length < SOCKETS && performance.now() < deadline) await Bun.sleep(5);
    const wrong: string[] = [];
    if (crowd.heardSoldOut.length !== SOCKETS)
      wrong.push(`${crowd.heardSoldOut.length} of ${SOCKETS} heard of the end`);
    if (crowd.dropped + warm.dropped > 0) wrong.push(`${crowd.dropped + warm.dropped} sockets were dropped`);
    const welcome = new Histogram();
    for (const ms of crowd.welcomes) welcome.add(ms * 1000);
    const last = crowd.heardSoldOut.at(-1);
    return {
      couponId: sale.id,
      wrong,
      figures: {
        requests: SOCKETS,
        seconds,
        rps: SOCKETS / seconds,
        p50_ms: welcome.percentile(50) / 1000,
        p99_ms: welcome.percentile(99) / 1000,
        max_ms: welcome.max / 1000,
        cpu_us_per_request: cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / SOCKETS,
        bytes_per_socket: bytesBefore === null || bytesAfter === null ? null : (bytesAfter - bytesBefore) / SOCKETS,
        all_heard_ms: last === undefined ? null : last - soldOutAt,
      },
    };
  } finally {
    crowd.close();
    warm.close();
  }
}

/** @returns `performance.now()` when the only coupon was asked for */
async function sellOut(target: Target, couponId: string): Promise<number> {
  const authorization = `Bearer ${createMint(target.tokens)("the-winner")}`;
  const at = performance.now();
  await fetch(`${target.url}/coupons/${couponId}/issue`, { method: "POST", headers: { authorization } });
  return at;
}

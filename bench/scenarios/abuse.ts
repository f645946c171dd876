import { statSync } from "node:fs";
import type { PacedResult } from "../abuse/plan.ts";
import { drivePaced, type Started, startConstantServer, startGuardedGateway } from "../abuse/processes.ts";
import { createSale } from "../admin.ts";
import { Histogram } from "../load/histogram.ts";
import { cpuMicros, residentBytes } from "../processes.ts";
import type { Scenario, ScenarioRun } from "../scenario.ts";
import type { Target } from "../target.ts";

const ABUSERS = { kind: "abusers", connections: 450, sockets: 50, users: 10_000 } as const;
const HONEST = { kind: "honest", connections: 200, sockets: 0, users: 200 } as const;
/** Requests a second of the abusers, over HTTP; their sockets send 1,000 messages a second besides. */
const ABUSE_PER_S = 4_000;
/** Twice a second each honest user claims a coupon of another sale. */
const HONEST_PER_S = 400;
const HONEST_S = 10;
/** The abusers' address has 5,000 tokens at first. They spend them before anything is measured. */
const DRAIN_S = 8;
const ALONE_S = 4;

/**
 * Abusers against reads, documents, sockets and claims while honest users claim; then the same with the abuse sent to a constant
 * server, so that the load itself is not measured.
 */
export const abuse: Scenario = {
  name: "abuse",
  variants: [
    {
      name: `${ABUSERS.users} tokens, ${ABUSERS.connections + ABUSERS.sockets} connections, ${ABUSE_PER_S} requests/s of one address`,
      budgets: [
        { figure: "p99_ratio", atMost: 1.2 },
        { figure: "refused_share", atLeast: 0.5 },
      ],
      run,
    },
  ],
};

const seriesOf = () => Date.now().toString(36);

/** Sales that all honest users win. */
async function salesFor(target: Target): Promise<string[]> {
  const amount = (HONEST_PER_S * HONEST_S) / HONEST.users;
  const wish = { name: "Abuse", total: HONEST.users, startsInMs: -1_000 };
  const sales = await Promise.all(Array.from({ length: amount }, () => createSale(target, wish)));
  return sales.map(({ id }) => id);
}

const honestLoad = (target: Target, port: number, coupons: readonly string[]): Promise<PacedResult> =>
  drivePaced(target, {
    ...HONEST,
    port,
    coupons,
    prefix: `h${seriesOf()}-`,
    perSecond: HONEST_PER_S,
    seconds: HONEST_S,
  });

const abuseLoad = (target: Target, port: number, coupon: string, seconds: number, perSecond = ABUSE_PER_S) =>
  drivePaced(target, { ...ABUSERS, port, coupons: [coupon], prefix: `a${seriesOf()}-`, perSecond, seconds });

const sum = (answers: PacedResult["answers"], of: (status: string) => boolean): number =>
  Object.entries(answers).reduce((total, [status, n]) => total + (of(status) ? n : 0), 0);
const isRefusal = (status: string) => status === "429" || status === "503";
/** Claims of a sale that is sold out, answered from memory. They are no surplus: that answer costs no more than a refusal. */
const isFromMemory = (status: string) => status === "409";
const isStatus = (status: string) => /^\d+$/.test(status);

/** The most descriptors that a process has while `during` runs. */
async function mostDescriptors(pid: number, during: Promise<unknown>): Promise<number> {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, statSync(`/proc/${pid}/fd`).size);
  }, 50);
  await during.catch(() => {});
  clearInterval(timer);
  return most;
}

/**
 * What one more refused request costs (429, 503, or 409 from memory), with the messages of sockets that come along: at twice the rate, by an
 * address that has no tokens left, as many requests are served.
 */
async function costOfRefusal(target: Target, gateway: Started, coupon: string): Promise<number | null> {
  const measure = async (perSecond: number) => {
    const before = cpuMicros([gateway.pid]);
    const { answers } = await abuseLoad(target, gateway.port, coupon, ALONE_S, perSecond);
    const after = cpuMicros([gateway.pid]);
    return {
      cpu: before === null || after === null ? null : after - before,
      refused: sum(answers, (one) => isRefusal(one) || isFromMemory(one)),
    };
  };
  const once = await measure(ABUSE_PER_S / 2);
  const twice = await measure(ABUSE_PER_S);
  if (once.cpu === null || twice.cpu === null || twice.refused <= once.refused) return null;
  return (twice.cpu - once.cpu) / (twice.refused - once.refused);
}

async function run(target: Target): Promise<ScenarioRun> {
  const gateway = await startGuardedGateway();
  const constant = await startConstantServer();
  try {
    const bait = (await createSale(target, { name: "Bait", total: 1_000, startsInMs: -1_000 })).id;
    const sales = [await salesFor(target), await salesFor(target), await salesFor(target)];
    await honestLoad(target, gateway.port, sales[0]!); // a process that was just started compiles while it works
    const [yardstick] = await Promise.all([
      Bun.sleep(1_000).then(() => honestLoad(target, gateway.port, sales[1]!)),
      abuseLoad(target, constant.port, bait, HONEST_S + 2),
    ]);
    const megabytes = () => (residentBytes([gateway.pid]) ?? Number.NaN) / 2 ** 20;
    const abused = abuseLoad(target, gateway.port, bait, DRAIN_S + HONEST_S + 1);
    const descriptors = mostDescriptors(gateway.pid, abused);
    await Bun.sleep(DRAIN_S * 1_000);
    const megabytesBefore = megabytes();
    const honest = await honestLoad(target, gateway.port, sales[2]!);
    const { answers, seconds, broken } = await abused;
    const megabytesAfter = megabytes();
    const latency = Histogram.parse(honest.latency);
    const p99 = latency.percentile(99) / 1000;
    const yardstickP99 = Histogram.parse(yardstick.latency).percentile(99) / 1000;
    const answered = sum(answers, isStatus);
    const wrong = [
      ...wrongHonest("beside the abuse", honest),
      ...wrongHonest("beside the yardstick", yardstick),
      ...(broken > answered / 100 ? [`${broken} of the abusers' connections broke`] : []),
      ...(sum(answers, (status) => isStatus(status) && status >= "500" && status !== "503") > 0
        ? [`abusers were answered ${JSON.stringify(answers)}`]
        : []),
    ];
    console.log(`  abusers: ${JSON.stringify(answers)}; yardstick: ${constant.kind}`);
    return {
      couponId: null,
      wrong,
      figures: {
        requests: latency.count,
        seconds: honest.seconds,
        rps: latency.count / honest.seconds,
        p50_ms: latency.percentile(50) / 1000,
        p99_ms: p99,
        max_ms: latency.max / 1000,
        cpu_us_per_request: null,
        yardstick_p99_ms: yardstickP99,
        p99_ratio: p99 / yardstickP99,
        abuse_per_s: answered / seconds,
        refused_share: sum(answers, isRefusal) / (answered - sum(answers, isFromMemory)),
        cpu_us_per_refused: await costOfRefusal(target, gateway, bait),
        descriptors: await descriptors,
        growth_mb: megabytesAfter - megabytesBefore,
      },
    };
  } finally {
    await Promise.all([gateway.stop(), constant.stop()]);
  }
}

/** Every honest claim is won. */
function wrongHonest(when: string, { answers, broken }: PacedResult): string[] {
  const others = Object.keys(answers).filter((status) => status !== "202");
  return others.length + broken === 0
    ? []
    : [`${when}, honest users were answered ${JSON.stringify(answers)}, ${broken} broken`];
}

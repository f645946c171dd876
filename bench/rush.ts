import { createSale } from "./admin.ts";
import { type ListeningCrowd, openCrowd } from "./crowd/crowd.ts";
import { measureLoad } from "./load/measure.ts";
import type { LoadProgress } from "./load/plan.ts";
import { type IssuedRow, openRows } from "./rows.ts";
import { judgeRush, type RushResult, winningListeners } from "./rush-judgement.ts";
import type { Target } from "./target.ts";

export interface RushBenchOptions {
  readonly users: number;
  readonly coupons: number;
  readonly connections: number;
  readonly sockets: number;
}

export interface RushWatch {
  /** A sentence per step. */
  readonly onStep?: (text: string) => void;
  readonly onProgress?: (progress: LoadProgress, persisted: number) => void;
}

const START_IN_MS = 3_000;
/** Timers and clocks have a resolution of a millisecond; with this margin no request comes too early. */
const CLOCK_MS = 2;
const SETTLE_MS = 60_000;
const TELL_MS = 10_000;

/** Creates a sale that starts in three seconds, lets every user claim once from that moment on, and waits for the end. */
export async function runRush(target: Target, options: RushBenchOptions, watch: RushWatch = {}): Promise<RushResult> {
  const { users, coupons, connections } = options;
  const prefix = `r${Date.now().toString(36)}-`;
  const rows = openRows(target.env.DATABASE_URL!);
  const startsInMs = START_IN_MS + options.sockets * 2 + users / 50;
  const sale = await createSale(target, { name: `Rush for ${coupons}`, total: coupons, startsInMs });
  watch.onStep?.(`sale ${sale.id}: ${coupons} coupons, starts at ${sale.startsAt}`);
  const crowd = await openCrowd(target, listeners(prefix, options), sale.id);
  watch.onStep?.(`${crowd.userIds.length} WebSockets listen`);
  try {
    let persisted = 0;
    let wanted = Math.min(users, coupons);
    let deadline = Number.POSITIVE_INFINITY;
    const reached = rows.reach(sale.id, {
      wanted: () => wanted,
      deadline: () => deadline,
      onCount: (count) => {
        persisted = count;
      },
    });
    const measured = await measureLoad(
      target,
      {
        path: `/coupons/${sale.id}/issue`,
        connections,
        users: { prefix, from: 0, count: users },
        amount: users,
        seconds: null,
        startAtMs: Date.parse(sale.startsAt) + CLOCK_MS,
      },
      {
        onReady: () => watch.onStep?.(`${users} people hold a token, ${connections} connections are open`),
        onProgress: (progress) => watch.onProgress?.(progress, persisted),
      },
    );
    wanted = measured.result.wins.length;
    deadline = performance.now() + SETTLE_MS;
    const reachedAt = await reached;
    const issued = await rows.all(sale.id);
    await everybodyTold(crowd, issued, coupons);
    return judgeRush({ couponId: sale.id, users, coupons, measured, issued, crowd, reachedAt });
  } finally {
    crowd.close();
    await rows.close();
  }
}

/** Half of the listeners are among the first to ask, so that some of them win; the others are spread over all users. */
function listeners(prefix: string, { users, coupons, sockets }: RushBenchOptions): string[] {
  const count = Math.min(sockets, users);
  const early = Math.min(Math.ceil(count / 2), coupons);
  const chosen = new Set(Array.from({ length: early }, (_, i) => i));
  const step = Math.max(1, Math.floor(users / count));
  for (let i = 0; chosen.size < count; i++) chosen.add((early + i * step) % users);
  return [...chosen].map((user) => `${prefix}${user}`);
}

/** Waits until the winners among the listeners know, and all of them heard of the end; bounded. */
async function everybodyTold(crowd: ListeningCrowd, issued: readonly IssuedRow[], coupons: number): Promise<void> {
  const deadline = performance.now() + TELL_MS;
  const winners = winningListeners(crowd, issued);
  const soldOut = issued.length >= coupons;
  const done = () =>
    winners.every((userId) => crowd.told.has(userId)) &&
    (!soldOut || crowd.heardSoldOut.length + crowd.dropped >= crowd.userIds.length);
  while (!done() && performance.now() < deadline) await Bun.sleep(5);
}

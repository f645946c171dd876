import { createSale } from "../admin.ts";
import { consumersOf } from "../consumers.ts";
import type { Budget } from "../figures.ts";
import { measureLoad, unexpected } from "../load/measure.ts";
import { openRows } from "../rows.ts";
import type { Scenario, ScenarioRun, Variant } from "../scenario.ts";
import type { Target } from "../target.ts";

const SECONDS = 8;
/** More than can be answered in the time; each request is from another user, and wins. */
const USERS = 400_000;
const SETTLE_MS = 120_000;
const CPU: Budget = { figure: "cpu_us_per_request", atMost: 35 };

/** Every user wins: what a claim costs when it is decided, logged, acknowledged and persisted. */
export const claims: Scenario = {
  name: "claims",
  variants: [
    variant(256, "meanwhile", [
      { figure: "rps", atLeast: 10_000 },
      { figure: "persisted_per_s", atLeast: 10_000 },
      CPU,
    ]),
    variant(64, "later", [{ figure: "rps", atLeast: 15_000 }, CPU]),
    variant(256, "later", [{ figure: "rps", atLeast: 20_000 }, CPU]),
    variant(512, "later", [{ figure: "rps", atLeast: 20_000 }, CPU]),
  ],
};

/** Whether the consumers run during the load, or find everything in the log when it is over. */
type Persisting = "meanwhile" | "later";

function variant(connections: number, persisting: Persisting, budgets: Budget[]): Variant {
  return {
    name: `${connections} connections, persisted ${persisting}`,
    budgets,
    run: (target) => run(target, connections, persisting),
  };
}

async function run(target: Target, connections: number, persisting: Persisting): Promise<ScenarioRun> {
  const rows = openRows(target.env.DATABASE_URL!);
  const consumers = persisting === "later" ? consumersOf(target) : null;
  try {
    const sale = await createSale(target, { name: "Claims", total: USERS, startsInMs: -1000 });
    await consumers?.stop();
    const load = await measureLoad(target, {
      path: `/coupons/${sale.id}/issue`,
      connections,
      users: { prefix: `c${Date.now().toString(36)}-`, from: 0, count: USERS },
      amount: USERS,
      seconds: SECONDS,
    });
    const { wins } = load.result;
    const meanwhile = await rows.count(sale.id);
    await consumers?.start();
    const deadline = performance.now() + SETTLE_MS;
    const reachedAt = await rows.reach(sale.id, { wanted: () => wins.length, deadline: () => deadline });
    const slots = new Map((await rows.all(sale.id)).map((row) => [row.requestId, row.slot]));
    const lost = wins.filter((win) => slots.get(win.requestId) !== win.slot).length;
    const wrong = unexpected(load.result, [202]);
    if (lost > 0) wrong.push(`${lost} accepted claims were not persisted`);
    if (slots.size !== wins.length) wrong.push(`${slots.size} rows for ${wins.length} accepted claims`);
    const persistedS = reachedAt === null ? null : (reachedAt - load.startedAt) / 1000;
    return {
      couponId: sale.id,
      wrong,
      figures: {
        ...load.figures,
        acknowledged_by_kafka: wins.filter((win) => win.durable === "kafka").length / Math.max(1, wins.length),
        // From the first request until the last row: what can be sustained, not what can be queued.
        persisted_per_s: persistedS === null || consumers !== null ? null : wins.length / persistedS,
        persisted_meanwhile: meanwhile / Math.max(1, wins.length),
        lost,
      },
    };
  } finally {
    await consumers?.start();
    await rows.close();
  }
}

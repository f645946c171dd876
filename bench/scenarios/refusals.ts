import { createSale } from "../admin.ts";
import { measureLoad, unexpected } from "../load/measure.ts";
import type { Scenario, ScenarioRun, Variant } from "../scenario.ts";
import type { Target } from "../target.ts";
import { createMint } from "../tokens.ts";

const SECONDS = 5;
const USERS = 50_000;
/** The gateway hears of the end by pub/sub and reads the winners before it refuses from memory. */
const CLOSING_MS = 500;

/** The sale is sold out: what it costs to tell people so. */
export const refusals: Scenario = { name: "refusals", variants: [variant(128), variant(512)] };

function variant(connections: number): Variant {
  return {
    name: `${connections} connections`,
    budgets: [
      { figure: "rps", atLeast: 60_000 },
      { figure: "cpu_us_per_request", atMost: 12 },
    ],
    run: (target) => run(target, connections),
  };
}

async function run(target: Target, connections: number): Promise<ScenarioRun> {
  const sale = await createSale(target, { name: "Refusals", total: 1, startsInMs: -1000 });
  const path = `/coupons/${sale.id}/issue`;
  const authorization = `Bearer ${createMint(target.tokens)("the-winner")}`;
  const claim = () => fetch(target.url + path, { method: "POST", headers: { authorization } });
  const wrong: string[] = [];
  const first = await claim();
  if (first.status !== 202) wrong.push(`the only claim was answered ${first.status}: ${await first.text()}`);
  await Bun.sleep(CLOSING_MS);
  const users = { prefix: `n${Date.now().toString(36)}-`, from: 0, count: USERS };
  const load = await measureLoad(target, { path, connections, users, amount: null, seconds: SECONDS });
  wrong.push(...unexpected(load.result, [409]));
  const sample = JSON.parse(load.result.samples[409] ?? "{}");
  if (sample.code !== "SOLD_OUT") wrong.push(`a refusal said ${sample.code}, not SOLD_OUT`);
  const again = await claim();
  if (again.status !== 200) wrong.push(`the winner who asked again was answered ${again.status}`);
  return { couponId: sale.id, wrong, figures: load.figures };
}

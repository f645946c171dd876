import { type Command, Option } from "commander";
import type { OrderPace } from "../../bench/orders/plan.ts";
import type { OrderBench } from "../../bench/scenarios/orders.ts";
import type { SagaChoice } from "../../contracts/orders/saga-mode.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { modeArgument } from "./saga.ts";

/** Options of `./dev bench orders` that no other scenario has. */
export interface OrderBenchOptions {
  orders?: number;
  people?: number;
  places?: number;
  rate?: number;
  mode?: SagaChoice;
  soak?: true;
  soakS?: number;
}

const PEOPLE = 1_000;
const SOAK_S = 600;

export function addOrderOptions(command: Command): Command {
  const places = new Option("--places <n>", "orders: how many are under way at once");
  const rate = new Option("--rate <n>", "orders: so many a second, whatever becomes of earlier ones");
  return command
    .option("--orders <n>", "orders: how many in each run", wholeNumber(1, 10_000_000))
    .option("--people <n>", `orders: who orders and listens on a WebSocket (${PEOPLE})`, wholeNumber(1, 20_000))
    .addOption(places.argParser(wholeNumber(1, 100_000)).conflicts(["rate", "soak", "soakS"]))
    .addOption(rate.argParser(wholeNumber(1, 100_000)).conflicts(["soak", "soakS"]))
    .option("--mode <mode>", "orders: only this one of parallel, sequential, adaptive", modeArgument)
    .option("--soak", "orders: people order, think and order again for ten minutes")
    .option("--soak-s <seconds>", "orders: a soak of another length", wholeNumber(1, 1_000_000));
}

/** What is said of the runs; the rest is as usual. */
export function ordersWish({ orders, people, places, rate, mode }: OrderBenchOptions): Partial<OrderBench> {
  const pace = (): OrderPace | null => {
    if (rate !== undefined) return { kind: "rate", perSecond: rate };
    return places === undefined ? null : { kind: "closed", places };
  };
  const chosen = pace();
  return {
    ...(orders === undefined ? {} : { orders }),
    ...(people === undefined ? {} : { users: people }),
    ...(chosen === null ? {} : { pace: chosen }),
    ...(mode === undefined ? {} : { modes: [mode] }),
  };
}

/** Who soaks, and for how long; null: no soak was asked for. */
export function soakWish({ people = PEOPLE, soak, soakS }: OrderBenchOptions) {
  return soak || soakS !== undefined ? { users: people, seconds: soakS ?? SOAK_S } : null;
}

import { Argument, Command, Option } from "commander";
import type { PipelineChoice } from "../../contracts/claims/pipeline.ts";
import { printedProgress } from "../../stack/progress.ts";
import type { RuntimeName } from "../../stack/runtime.ts";
import { createStack } from "../../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { addOrderOptions, type OrderBenchOptions, ordersWish, soakWish } from "./bench-orders.ts";
import { pipelineArgument } from "./pipeline.ts";
import { runtimeOption } from "./runtime-option.ts";

const SCENARIOS = ["rush", "claims", "refusals", "persist", "sockets", "abuse", "orders"];

interface BenchOptions extends OrderBenchOptions {
  runs: number;
  json?: string;
  client?: "sockets" | "autocannon";
  workers?: number;
  runtime?: RuntimeName;
  pipeline?: PipelineChoice;
}

export function benchCommand(): Command {
  const command = new Command("bench")
    .description("Measures a scenario, after checking that its answers are right")
    .addArgument(new Argument("<scenario>", "what to measure").choices(SCENARIOS))
    .option("--runs <n>", "how often; the median counts", wholeNumber(1, 100), 3)
    .addOption(runtimeOption())
    .option("--workers <n>", "gateway processes that share the port", wholeNumber(1, 64))
    .addOption(
      new Option("--client <name>", "what makes the load: our own or autocannon").choices(["sockets", "autocannon"]),
    )
    .option("--pipeline <way>", "claims through kafka, redis, or a per cent of users through redis", pipelineArgument)
    .option("--json <file>", "write the result to a file as well");
  return addOrderOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev bench rush --json rush.json\n  ./dev bench orders --rate 1000\n  ./dev bench orders --soak",
    )
    .action(async (scenario: string, options: BenchOptions) => {
      const stack = createStack({ progress: printedProgress() });
      await interruption((signal) =>
        stack.up(undefined, { workers: options.workers, runtime: options.runtime, warm: true, signal }),
      );
      const runtime = stack.runtimeOf("gateway");
      const soak = scenario === "orders" ? soakWish(options) : null;
      if (soak !== null) {
        const { runSoak } = await import("../../bench/orders/soak.ts");
        process.exitCode = await runSoak({ ...options, ...soak, runtime }, stack.env);
        return;
      }
      const { runBench } = await import("../../bench/run.ts");
      process.exitCode = await runBench(scenario, { ...options, runtime, orders: ordersWish(options) }, stack.env);
    });
}

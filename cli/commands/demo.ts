import { Command, Option } from "commander";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import type { RuntimeName } from "../../stack/runtime.ts";
import { createStack } from "../../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { clusterOptions } from "./cluster-option.ts";
import { runtimeOption } from "./runtime-option.ts";

interface DemoOptions {
  users: number;
  coupons: number;
  connections: number;
  sockets: number;
  orders: number;
  json?: string;
  client?: "sockets" | "autocannon";
  workers?: number;
  runtime?: RuntimeName;
  cluster?: boolean;
}

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("Brings the stack up, lets a crowd fight for coupons, then order, and proves that all is right")
    .option("--users <n>", "how many people ask", wholeNumber(1, 5_000_000), 50_000)
    .option("--coupons <n>", "how many coupons there are", wholeNumber(1, 1_000_000), 1000)
    .option("--connections <n>", "HTTP connections at once", wholeNumber(1, 10_000), 512)
    .option("--sockets <n>", "people who listen on a WebSocket", wholeNumber(0, 20_000), 300)
    .option("--orders <n>", "flash orders of the second act; 0 leaves it out", wholeNumber(0, 1_000_000), 5000)
    .addOption(runtimeOption())
    .option("--workers <n>", "gateway processes that share the port", wholeNumber(1, 64))
    .addOption(
      new Option("--client <name>", "what makes the load: our own or autocannon").choices(["sockets", "autocannon"]),
    )
    .option("--json <file>", "write the result to a file as well")
    .addHelpText("after", "\nExamples:\n  ./dev demo --users 20000 --coupons 500\n  ./dev demo --cluster")
    .action(async (options: DemoOptions) => {
      const begun = performance.now();
      const stack = createStack({ progress: printedProgress(), cluster: options.cluster });
      await interruption((signal) =>
        stack.up(undefined, { workers: options.workers, runtime: options.runtime, warm: true, signal }),
      );
      console.log(`up in ${secondsSince(begun)}\n`);
      const { runDemo } = await import("../../bench/demo.ts");
      process.exitCode = await runDemo(options, stack.env);
    });
  for (const option of clusterOptions()) command.addOption(option);
  return command;
}

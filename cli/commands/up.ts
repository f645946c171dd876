import { Argument, Command } from "commander";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import type { RuntimeName } from "../../stack/runtime.ts";
import { SERVICES, type ServiceName } from "../../stack/service-names.ts";
import { createStack } from "../../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { clusterOptions } from "./cluster-option.ts";
import { runtimeOption } from "./runtime-option.ts";

export const servicesArgument = (what: string) =>
  new Argument("[services...]", `${what}; default all`).choices([...SERVICES]);

interface UpCommandOptions {
  workers?: number;
  roles?: string;
  runtime?: RuntimeName;
  cluster?: boolean;
}

export function upCommand(): Command {
  const command = new Command("up")
    .description("Starts the stack (or single services) and waits until it answers")
    .addArgument(servicesArgument("services to start"))
    .addOption(runtimeOption())
    .option("--workers <n>", "gateway processes that share the port", wholeNumber(1, 64))
    .option("--roles <a,b>", "roles of the consumers; default all")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev up\n  ./dev up --cluster\n  ./dev up redis kafka postgres\n  ./dev up gateway --workers 2",
    )
    .action(async (names: ServiceName[], options: UpCommandOptions) => {
      const begun = performance.now();
      const stack = createStack({ progress: printedProgress(), cluster: options.cluster });
      const services = names.length > 0 ? names : SERVICES;
      await interruption((signal) => stack.up(services, { ...options, warm: true, signal }));
      console.log(`up in ${secondsSince(begun)}; ./dev status shows it, ./dev down stops it`);
    });
  for (const option of clusterOptions()) command.addOption(option);
  return command;
}

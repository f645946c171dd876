import { existsSync } from "node:fs";
import { Command } from "commander";
import { containerLogs } from "../../stack/docker.ts";
import { CliError } from "../../stack/errors.ts";
import { showLogs } from "../../stack/logs.ts";
import { readRecord } from "../../stack/processes.ts";
import { SERVICES, type ServiceName } from "../../stack/service-names.ts";
import { createStack } from "../../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { servicesArgument } from "./up.ts";

export function logsCommand(): Command {
  return new Command("logs")
    .description("Shows what services wrote")
    .addArgument(servicesArgument("whose logs"))
    .option("-f, --follow", "go on as they grow")
    .option("-n, --lines <n>", "so many of the last lines", wholeNumber(1, 100_000), 100)
    .addHelpText("after", "\nExamples:\n  ./dev logs gateway -f\n  ./dev logs gateway consumers -n 20")
    .action(async (names: ServiceName[], { follow = false, lines }: { follow?: boolean; lines: number }) => {
      const stack = createStack();
      const wanted = names.length > 0 ? names : SERVICES;
      const contained = wanted.filter((name) => readRecord(stack.layout, name)?.source === "docker");
      const logs = wanted
        .filter((name) => !contained.includes(name))
        .map((name) => ({ name, file: stack.layout.logOf(name) }))
        .filter(({ file }) => existsSync(file));
      if (logs.length === 0 && contained.length === 0)
        throw new CliError("there are no logs yet: start it with ./dev up");
      const write = (line: string) => console.log(line);
      await interruption((signal) =>
        Promise.all([
          logs.length > 0 ? showLogs(logs, { follow, lines, signal, write }) : undefined,
          contained.length > 0 ? containerLogs(stack.context, contained, follow) : undefined,
        ]),
      );
    });
}

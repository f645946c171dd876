import { Command } from "commander";
import { printedProgress } from "../../stack/progress.ts";
import { SERVICES, type ServiceName } from "../../stack/service-names.ts";
import { createStack } from "../../stack/stack.ts";
import { servicesArgument } from "./up.ts";

export function downCommand(): Command {
  return new Command("down")
    .description("Stops what `up` started, and nothing else")
    .addArgument(servicesArgument("services to stop"))
    .option("--wipe", "also delete their data")
    .addHelpText("after", "\nExamples:\n  ./dev down\n  ./dev down gateway\n  ./dev down --wipe")
    .action(async (names: ServiceName[], options: { wipe?: boolean }) => {
      const stack = createStack({ progress: printedProgress() });
      const ran = await stack.down(names.length > 0 ? names : SERVICES, options);
      if (!ran && !options.wipe) console.log("nothing of it was running");
    });
}

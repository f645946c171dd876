import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { readConfig } from "../config.ts";
import { repositoryRoot } from "../stack/layout.ts";
import { createStack, type Stack } from "../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { type Progress, printedProgress } from "../terminal/progress.ts";
import { runTests } from "../testing/run-tests.ts";
import { TIERS, type Tier } from "../testing/tiers.ts";

/** Far enough from the first stack that both run side by side. */
const PORT_OFFSET = 1000;

/** The tests' own stack: never the addresses of the environment, which may be those of a stack in use. */
export function createTestStack(progress?: Progress): Stack {
  const config = readConfig();
  const dir = join(config.STAMPEDE_STACK ?? join(repositoryRoot(), ".stack"), "test");
  return createStack({ dir, portOffset: PORT_OFFSET, external: false, config, ...(progress ? { progress } : {}) });
}

function parseTiers(text: string): Tier[] {
  return text.split(",").map((name) => {
    if (!(TIERS as readonly string[]).includes(name)) {
      throw new InvalidArgumentError(`There is no tier "${name}": choose from ${TIERS.join(", ")}.`);
    }
    return name as Tier;
  });
}

export function testCommand(): Command {
  return new Command("test")
    .description("Runs all tests on a stack of their own; the last line says `N passed, N failed`")
    .argument("[files...]", "only test files whose path contains one of these")
    .option("--only <tiers>", `of ${TIERS.join(",")}`, parseTiers)
    .option("--keep", "leave the tests' stack running, and use the one that runs")
    .addHelpText("after", "\nExamples:\n  ./dev test\n  ./dev test --only lint,types,unit\n  ./dev test claim --keep")
    .action(async (files: string[], { only, keep = false }: { only?: Tier[]; keep?: boolean }) => {
      const stack = createTestStack(printedProgress());
      process.exitCode = await interruption((signal) => runTests(stack, { only, files, keep, signal }));
    });
}

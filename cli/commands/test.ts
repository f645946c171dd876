import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { readConfig } from "../../stack/config.ts";
import { repositoryRoot } from "../../stack/layout.ts";
import { type Progress, printedProgress } from "../../stack/progress.ts";
import { createStack, type Stack } from "../../stack/stack.ts";
import { interruption } from "../terminal/interruption.ts";
import { runTests } from "../testing/run-tests.ts";
import { TIERS, type Tier } from "../testing/tiers.ts";

/** Far enough from the first stack, and from each other, that all run side by side. */
const PORT_OFFSET = 1000;

/**
 * A stack of the tests' own: never the addresses of the environment, which may be those of a stack in use.
 * @param lane which one; default the one that the environment names
 */
export function createTestStack(progress?: Progress, lane?: number): Stack {
  const config = readConfig();
  const number = lane ?? config.STAMPEDE_TEST_LANE;
  const dir = join(config.STAMPEDE_STACK ?? join(repositoryRoot(), ".stack"), number === 1 ? "test" : `test-${number}`);
  const portOffset = PORT_OFFSET * number;
  return createStack({
    dir,
    portOffset,
    external: false,
    config,
    mayLoseData: true,
    ...(progress ? { progress } : {}),
  });
}

function parseLanes(text: string): number {
  const lanes = Number(text);
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > 9) throw new InvalidArgumentError("Between 1 and 9.");
  return lanes;
}

/** Most tests wait: for a time-out, a broker, a restart. Two at a time left two cores idle for half of the run. */
const DEFAULT_LANES = availableParallelism() > 1 ? 3 : 1;

function parseTiers(text: string): Tier[] {
  return text.split(",").map((name) => {
    if (!(TIERS as readonly string[]).includes(name)) {
      throw new InvalidArgumentError(`There is no tier "${name}": choose from ${TIERS.join(", ")}.`);
    }
    return name as Tier;
  });
}

interface TestOptions {
  readonly only?: Tier[];
  readonly keep?: boolean;
  readonly all?: boolean;
  readonly changed?: boolean;
  readonly record?: boolean;
  readonly lanes: number;
}

export function testCommand(): Command {
  return new Command("test")
    .description("Runs the tests of a gate on a separate stack; the last line says `N passed, N failed`")
    .argument("[files...]", "only test files whose path contains one of these")
    .option("--changed", "only what the changes since the main branch reach through imports")
    .addOption(new Option("--all", "every test, long ones too").conflicts("changed"))
    .option("--only <tiers>", `all files of these tiers: ${TIERS.join(",")}`, parseTiers)
    .option("--keep", "leave the tests' stack running, and use the one that runs")
    .option("--lanes <n>", "how many files run side by side, each on a separate stack", parseLanes, DEFAULT_LANES)
    .option("--record", "write down how long each file took (test/durations.json); on a quiet machine")
    .addHelpText(
      "after",
      `
Three scopes:
  ./dev test --changed   lint, types, and the unit and integration tests that the change reaches
  ./dev test             the gate: all short tests, one fault of each kind, a fifth of the long tests in turn
  ./dev test --all       everything

Examples:
  ./dev test
  ./dev test --only lint,types,unit
  ./dev test claim --keep`,
    )
    .action(async (files: string[], options: TestOptions) => {
      const { only, keep = false, lanes, all = false, changed = false, record = false } = options;
      const scope = all ? "all" : changed ? "changed" : "gate";
      const [first, ...others] = Array.from({ length: lanes }, (_, i) =>
        createTestStack(i === 0 ? printedProgress() : undefined, i + 1),
      );
      process.exitCode = await interruption((signal) =>
        runTests([first!, ...others], { only, files, scope, record, keep, signal }),
      );
    });
}

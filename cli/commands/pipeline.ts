import { Argument, Command, InvalidArgumentError } from "commander";
import { type PipelineChoice, type PipelineView, parsePipeline } from "../../contracts/claims/pipeline.ts";
import { createStack } from "../../stack/stack.ts";
import { adminApi } from "../sale/admin-api.ts";

/** @throws InvalidArgumentError */
export function pipelineArgument(text: string): PipelineChoice {
  const choice = parsePipeline(text.replace(/%$/, ""));
  if (choice === null) throw new InvalidArgumentError("It must be kafka, redis or a whole number from 0 to 100.");
  return choice;
}

function print(view: PipelineView, json: boolean | undefined): void {
  if (json) {
    console.log(JSON.stringify(view, null, 2));
    return;
  }
  const { redisPercent: percent, from, changedBy, changedAt } = view;
  if (percent === 0) console.log("all users through Kafka");
  else if (percent === 100) console.log("all users through Redis alone");
  else console.log(`${percent} % of the users through Redis alone, the others through Kafka`);
  console.log(from === "environment" ? "as ISSUE_PIPELINE says" : `chosen by ${changedBy} at ${changedAt}`);
}

export function pipelineCommand(): Command {
  return new Command("pipeline")
    .description("Shows or switches the way of claims: through Kafka, or through Redis alone")
    .addArgument(
      new Argument("[pipeline]", "kafka, redis, or the per cent of users through Redis").argParser(pipelineArgument),
    )
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev pipeline          what holds now\n  ./dev pipeline 10       a tenth of the users through Redis alone\n  ./dev pipeline kafka    all users through Kafka again",
    )
    .action(async (pipeline: PipelineChoice | undefined, { json }: { json?: boolean }) => {
      const api = adminApi(createStack().env);
      print(await (pipeline === undefined ? api.pipeline() : api.switchPipeline(pipeline)), json);
    });
}

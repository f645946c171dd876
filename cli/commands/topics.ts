import { Command } from "commander";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import { createStack } from "../../stack/stack.ts";
import { needsKafka } from "../away.ts";

export function topicsCommand(): Command {
  const apply = new Command("apply")
    .description("Creates missing topics, adds partitions, sets configuration; never deletes")
    .addHelpText("after", "\nExample:\n  ./dev topics apply")
    .action(async () => {
      const begun = performance.now();
      const { declareTopics } = await import("../../stack/topics.ts");
      const { context } = createStack();
      const done = await needsKafka(context.env.KAFKA_BROKERS, () => declareTopics(context));
      printedProgress().done("topics", `${done} (${secondsSince(begun)})`);
    });
  const diff = new Command("diff")
    .description("Says where the cluster differs from contracts/topics.ts; exit code 1 if it does")
    .addHelpText("after", "\nExample:\n  ./dev topics diff")
    .action(async () => {
      const { topicDifferences } = await import("../../stack/topics.ts");
      const { context } = createStack();
      const differences = await needsKafka(context.env.KAFKA_BROKERS, () => topicDifferences(context));
      for (const difference of differences) console.log(difference);
      if (differences.length === 0) console.log("the cluster is as declared");
      else process.exitCode = 1;
    });
  return new Command("topics")
    .description("Kafka's topics, as contracts/topics.ts declares them")
    .addHelpText("after", "\nExample:\n  ./dev topics diff")
    .addCommand(apply)
    .addCommand(diff);
}

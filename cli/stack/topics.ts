import { parseProperties } from "../../contracts/environment.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { TopicAdmin } from "../../kafka/kafka.ts";
import { applyTopics, describeDifference, diffTopics, type TopicDurability } from "../../kafka/topics.ts";
import { CliError } from "../errors.ts";
import type { StackContext } from "./service.ts";

const BROKERS_TIMEOUT_MS = 10_000;

/** Three copies where there are three brokers, and then two must have a record; else one of each. */
async function durabilityOf(admin: TopicAdmin): Promise<TopicDurability> {
  const brokers = await admin.brokers(BROKERS_TIMEOUT_MS);
  return brokers >= 3 ? { replicationFactor: 3, minInsyncReplicas: 2 } : { replicationFactor: 1, minInsyncReplicas: 1 };
}

async function withAdmin<T>(
  { env, config }: Pick<StackContext, "env" | "config">,
  work: (admin: TopicAdmin, durability: TopicDurability) => Promise<T>,
): Promise<T> {
  const options = {
    brokers: env.KAFKA_BROKERS,
    clientId: "stampede-cli",
    properties: parseProperties(config.KAFKA_PROPERTIES),
  };
  const admin = createBunKafka(options, config.LIBRDKAFKA_PATH).admin();
  try {
    return await work(admin, await durabilityOf(admin));
  } finally {
    await admin.close();
  }
}

type Context = Pick<StackContext, "env" | "config">;

/**
 * Makes the cluster's topics what contracts/topics.ts declares. @returns what was done, for people
 * @throws CliError if something is left that only an operator can do; KafkaError if no broker answers
 */
export async function declareTopics(context: Context): Promise<string> {
  const { done, left } = await withAdmin(context, applyTopics);
  if (left.length > 0) throw new CliError(`topics need a hand: ${left.map(describeDifference).join("; ")}`);
  const created = done.filter(({ kind }) => kind === "missing").length;
  const changed = done.length - created;
  const parts = [created > 0 ? `${created} created` : "", changed > 0 ? `${changed} settings changed` : ""];
  return parts.filter(Boolean).join(", ") || "as declared";
}

/** Where the cluster differs from the declaration, a line each. */
export async function topicDifferences(context: Context): Promise<string[]> {
  return (await withAdmin(context, diffTopics)).map(describeDifference);
}

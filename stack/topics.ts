import { allTopics } from "../contracts/topics.ts";
import { KafkaError, type TopicAdmin } from "../kafka/kafka.ts";
import { retry } from "../kafka/retry.ts";
import {
  applyTopics,
  describeDifference,
  diffTopics,
  type TopicDifference,
  type TopicDurability,
} from "../kafka/topics.ts";
import { CliError } from "./errors.ts";
import { kafkaOf } from "./kafka-client.ts";
import type { StackContext } from "./service.ts";

const BROKERS_TIMEOUT_MS = 10_000;

const THREE: TopicDurability = { replicationFactor: 3, minInsyncReplicas: 2 };
const ONE: TopicDurability = { replicationFactor: 1, minInsyncReplicas: 1 };

/**
 * Three copies where there are three brokers, and then two must have a record; else one of each. A cluster that lost a
 * broker for a while is recognized by its topics: what they promise is not lowered.
 */
async function durabilityOf(admin: TopicAdmin): Promise<TopicDurability> {
  if ((await admin.brokers(BROKERS_TIMEOUT_MS)) >= THREE.replicationFactor) return THREE;
  const present = await admin.describeTopics([...allTopics().keys()]);
  return present.some(({ replicationFactor }) => replicationFactor >= THREE.replicationFactor) ? THREE : ONE;
}

/** How many topics the message names; it only counts the others. */
const NAMED = 3;

function needsAHand(left: readonly TopicDifference[]): string {
  const named = left.slice(0, NAMED).map(describeDifference).join("; ");
  const more = left.length > NAMED ? `; and ${left.length - NAMED} more, which ./dev topics diff lists` : "";
  return `topics need a hand: ${named}${more}`;
}

type Context = Pick<StackContext, "env" | "config">;

async function withAdmin<T>(
  context: Context,
  work: (admin: TopicAdmin, durability: TopicDurability) => Promise<T>,
): Promise<T> {
  const admin = kafkaOf(context, "stampede-cli").admin();
  try {
    return await work(admin, await durabilityOf(admin));
  } finally {
    await admin.close();
  }
}

/** Brokers answer before their controller is elected, which takes seconds when one of three was killed. */
const ELECTION_MS = 30_000;

/** The same as `declareTopics`, of brokers that have just answered: a controller that they wait for is waited for. */
export function declareTopicsOnceElected(context: Context): Promise<string> {
  const isWorthIt = (error: unknown) => error instanceof KafkaError && error.retryable;
  return retry(() => declareTopics(context), { forMs: ELECTION_MS, everyMs: 500, isWorthIt });
}

/**
 * Makes the cluster's topics what contracts/topics.ts declares. @returns what was done, for people
 * @throws CliError if something is left that only an operator can do; KafkaError if no broker answers
 */
export async function declareTopics(context: Context): Promise<string> {
  const { done, left } = await withAdmin(context, applyTopics);
  if (left.length > 0) throw new CliError(needsAHand(left));
  const created = done.filter(({ kind }) => kind === "missing").length;
  const changed = done.length - created;
  const parts = [created > 0 ? `${created} created` : "", changed > 0 ? `${changed} settings changed` : ""];
  return parts.filter(Boolean).join(", ") || "as declared";
}

/** Where the cluster differs from the declaration, a line each. */
export async function topicDifferences(context: Context): Promise<string[]> {
  return (await withAdmin(context, diffTopics)).map(describeDifference);
}

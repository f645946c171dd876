import { allTopics, type TopicSpec } from "../contracts/topics.ts";
import type { Compression, ConfiguredTopic, NewTopic, TopicAdmin } from "./kafka.ts";

/** Replication factor and min.insync.replicas of the cluster: 3 and 2 in production, 1 and 1 on one machine. */
export interface TopicDurability {
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
}

/** A way in which the cluster differs from contracts/topics.ts. */
export type TopicDifference =
  | { readonly kind: "missing"; readonly topic: string; readonly wanted: NewTopic }
  | { readonly kind: "partitions"; readonly topic: string; readonly present: number; readonly wanted: number }
  | { readonly kind: "replication"; readonly topic: string; readonly present: number; readonly wanted: number }
  | {
      readonly kind: "config";
      readonly topic: string;
      readonly name: string;
      /** undefined: not set on the topic, so the cluster's default holds. */
      readonly present: string | undefined;
      readonly wanted: string;
    };

const DAY_MS = 24 * 60 * 60 * 1000;
/** The largest record that a producer accepts (1 MiB), plus the overhead of an uncompressed batch. */
const MAX_MESSAGE_BYTES = 1024 * 1024 + 64 * 1024;

/** A topic as the cluster should have it. */
export function wantedTopic(name: string, spec: TopicSpec, durability: TopicDurability): NewTopic {
  const onOneBroker = durability.replicationFactor === 1 ? spec.partitionsOnOneBroker : undefined;
  return {
    name,
    partitions: onOneBroker ?? spec.partitions,
    replicationFactor: durability.replicationFactor,
    config: {
      "retention.ms": String(spec.retentionDays * DAY_MS),
      // The producer compresses (`topicCompression`). A codec here too would make the broker compress the batches again
      // that the client left uncompressed because they were too small.
      "compression.type": "producer",
      "message.timestamp.type": spec.logAppendTime ? "LogAppendTime" : "CreateTime",
      "min.insync.replicas": String(durability.minInsyncReplicas),
      "unclean.leader.election.enable": "false",
      "max.message.bytes": String(MAX_MESSAGE_BYTES),
    },
  };
}

/** For `ProducerOptions`: the codec of every topic that does not use the default. */
export function topicCompression(): Record<string, Compression> {
  return Object.fromEntries([...allTopics()].map(([name, { compression }]) => [name, compression]));
}

/** Compares the topics with the declaration. More partitions than declared are an operator's choice and no difference. */
export function differences(
  wanted: readonly NewTopic[],
  present: ReadonlyMap<string, ConfiguredTopic>,
): TopicDifference[] {
  return wanted.flatMap((topic): TopicDifference[] => {
    const found = present.get(topic.name);
    if (found === undefined) return [{ kind: "missing", topic: topic.name, wanted: topic }];
    const list: TopicDifference[] = [];
    if (found.partitions < topic.partitions) {
      list.push({ kind: "partitions", topic: topic.name, present: found.partitions, wanted: topic.partitions });
    }
    if (found.replicationFactor !== topic.replicationFactor) {
      const [present, wanted] = [found.replicationFactor, topic.replicationFactor];
      list.push({ kind: "replication", topic: topic.name, present, wanted });
    }
    for (const [name, value] of Object.entries(topic.config)) {
      const present = found.config[name];
      if (present !== value) list.push({ kind: "config", topic: topic.name, name, present, wanted: value });
    }
    return list;
  });
}

/** The differences between the cluster and the declared topics. @throws KafkaError */
export async function diffTopics(admin: TopicAdmin, durability: TopicDurability): Promise<TopicDifference[]> {
  const wanted = [...allTopics()].map(([name, spec]) => wantedTopic(name, spec, durability));
  const present = await admin.describeTopics(wanted.map(({ name }) => name));
  return differences(wanted, new Map(present.map((topic) => [topic.name, topic])));
}

const MIN_IN_SYNC = "min.insync.replicas";

/**
 * Sorts differences into those that this program can remove and those that an operator must. Another replication factor needs a
 * reassignment by an operator. Until then the topic keeps its `min.insync.replicas` too: with a value above its number of
 * replicas it would accept no record.
 */
export function byHand(found: readonly TopicDifference[]): { doable: TopicDifference[]; left: TopicDifference[] } {
  const replicas = new Map(found.flatMap((one) => (one.kind === "replication" ? [[one.topic, one.present]] : [])));
  const isLeft = (one: TopicDifference): boolean =>
    one.kind === "replication" ||
    (one.kind === "config" && one.name === MIN_IN_SYNC && Number(one.wanted) > (replicas.get(one.topic) ?? Infinity));
  return { doable: found.filter((one) => !isLeft(one)), left: found.filter(isLeft) };
}

/**
 * Makes the cluster like the declaration: creates, adds partitions, sets configuration; never deletes.
 * `left`: what an operator must do. @throws KafkaError
 */
export async function applyTopics(
  admin: TopicAdmin,
  durability: TopicDurability,
): Promise<{ done: TopicDifference[]; left: TopicDifference[] }> {
  const { doable, left } = byHand(await diffTopics(admin, durability));
  await admin.createTopics(doable.flatMap((difference) => (difference.kind === "missing" ? [difference.wanted] : [])));
  const changes = new Map<string, Record<string, string>>();
  for (const difference of doable) {
    if (difference.kind === "partitions") await admin.createPartitions(difference.topic, difference.wanted);
    if (difference.kind === "config") {
      changes.set(difference.topic, { ...changes.get(difference.topic), [difference.name]: difference.wanted });
    }
  }
  for (const [topic, config] of changes) await admin.alterTopicConfig(topic, config);
  return { done: doable, left };
}

/** One line for an operator. */
export function describeDifference(difference: TopicDifference): string {
  switch (difference.kind) {
    case "missing":
      return `${difference.topic}: missing (${difference.wanted.partitions} partitions)`;
    case "partitions":
      return `${difference.topic}: ${difference.present} partitions, wanted ${difference.wanted}`;
    case "replication":
      return `${difference.topic}: replication factor ${difference.present}, wanted ${difference.wanted} (reassign by hand)`;
    case "config":
      return `${difference.topic}: ${difference.name} is ${difference.present ?? "not set"}, wanted ${difference.wanted}`;
  }
}

import { existsSync } from "node:fs";
import type { StackContext } from "./service.ts";

interface TopicsRoom {
  applyTopics(admin: unknown, options: unknown): Promise<readonly unknown[]>;
  diffTopics(admin: unknown, options: unknown): Promise<readonly unknown[]>;
}

/** One machine holds one copy of everything. */
const ONE_MACHINE = { replicationFactor: 1, minInsyncReplicas: 1 };

async function withAdmin<T>(brokers: string, work: (room: TopicsRoom, admin: unknown) => Promise<T>): Promise<T> {
  const [kafkaPath, topicsPath] = ["../../kafka/bun/kafka.ts", "../../kafka/topics.ts"];
  const { createBunKafka } = await import(kafkaPath);
  const admin = createBunKafka({ brokers, clientId: "stampede-cli" }).admin();
  try {
    return await work((await import(topicsPath)) as TopicsRoom, admin);
  } finally {
    await admin.close();
  }
}

/** Makes the cluster's topics what contracts/topics.ts declares. @returns what was done, for people */
export async function declareTopics({ env }: Pick<StackContext, "env">): Promise<string> {
  if (!existsSync(new URL("../../kafka/topics.ts", import.meta.url))) return "not declared yet";
  const done = await withAdmin(env.KAFKA_BROKERS, (room, admin) => room.applyTopics(admin, ONE_MACHINE));
  return done.length === 0 ? "as declared" : `${done.length} changes made`;
}

/** Where the cluster differs from the declaration, a line each. */
export async function topicDifferences({ env }: Pick<StackContext, "env">): Promise<string[]> {
  const found = await withAdmin(env.KAFKA_BROKERS, (room, admin) => room.diffTopics(admin, ONE_MACHINE));
  return found.map((difference) => (typeof difference === "string" ? difference : JSON.stringify(difference)));
}

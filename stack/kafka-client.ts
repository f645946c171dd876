import { parseProperties } from "../contracts/wire/environment.ts";
import { createBunKafka } from "../kafka/bun/kafka.ts";
import type { StackContext } from "./service.ts";

/** The stack's Kafka for the CLI's own work, with the properties and the library that every process of the stack is given. */
export function kafkaOf({ env, config }: Pick<StackContext, "env" | "config">, clientId: string) {
  const options = { brokers: env.KAFKA_BROKERS, clientId, properties: parseProperties(config.KAFKA_PROPERTIES) };
  return createBunKafka(options, config.LIBRDKAFKA_PATH);
}

import { codeOf } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import { type AdminClient, readPointers, type TopicResult, withPointers } from "./admin-client.ts";
import type { Ptr } from "./symbols.ts";

const RESOURCE_TOPIC = 2;
/** RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: set on the topic itself, not inherited. */
const SET_ON_TOPIC = 1;

/** The settings of each topic itself, without inherited ones. @throws KafkaError */
export function describeConfigs(
  client: AdminClient,
  topics: readonly string[],
): Promise<Map<string, Record<string, string>>> {
  const { rd } = client;
  return client.request(
    "describe topic configuration",
    (options, queue) => {
      const made = topics.map((topic) => rd.rd_kafka_ConfigResource_new(RESOURCE_TOPIC, topic) as Ptr);
      withPointers(made, (array) => rd.rd_kafka_DescribeConfigs(client.rk, array, made.length, options, queue));
      for (const resource of made) rd.rd_kafka_ConfigResource_destroy(resource);
    },
    (event) => {
      const resources = readPointers((count) => rd.rd_kafka_DescribeConfigs_result_resources(event, count));
      return new Map(
        resources.map((resource) => {
          const native = rd.rd_kafka_ConfigResource_error(resource);
          const name = rd.rd_kafka_ConfigResource_name(resource) ?? "";
          if (native !== 0) {
            const text = rd.rd_kafka_ConfigResource_error_string(resource);
            throw new KafkaError(codeOf(native), `${name}: ${text}`, native);
          }
          const entries = readPointers((count) => rd.rd_kafka_ConfigResource_configs(resource, count))
            .filter((entry) => rd.rd_kafka_ConfigEntry_source(entry) === SET_ON_TOPIC)
            .map((entry) => [rd.rd_kafka_ConfigEntry_name(entry), rd.rd_kafka_ConfigEntry_value(entry) ?? ""] as const);
          return [name, Object.fromEntries(entries)];
        }),
      );
    },
  );
}

/**
 * Changes some settings of a topic and keeps its others. AlterConfigs replaces the whole configuration (the
 * incremental request needs librdkafka 2.2), so the present one is read and sent back with the changes.
 */
export async function alterConfig(
  client: AdminClient,
  topic: string,
  changes: Readonly<Record<string, string>>,
): Promise<TopicResult[]> {
  const { rd } = client;
  const present = (await describeConfigs(client, [topic])).get(topic);
  return client.request(
    "alter topic configuration",
    (options, queue) => {
      const resource = rd.rd_kafka_ConfigResource_new(RESOURCE_TOPIC, topic) as Ptr;
      for (const [name, value] of Object.entries({ ...present, ...changes })) {
        rd.rd_kafka_ConfigResource_set_config(resource, name, value);
      }
      withPointers([resource], (array) => rd.rd_kafka_AlterConfigs(client.rk, array, 1, options, queue));
      rd.rd_kafka_ConfigResource_destroy(resource);
    },
    (event) =>
      readPointers((count) => rd.rd_kafka_AlterConfigs_result_resources(event, count)).map((resource) => ({
        name: topic,
        err: rd.rd_kafka_ConfigResource_error(resource),
        text: rd.rd_kafka_ConfigResource_error_string(resource) ?? "",
      })),
  );
}

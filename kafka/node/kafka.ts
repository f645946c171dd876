import { BrokerLog } from "../broker-log.ts";
import type { ClientOptions, Kafka } from "../kafka.ts";
import { loadAddon } from "./addon.ts";
import { NodeAdmin } from "./admin.ts";
import { NodeConsumer } from "./consumer.ts";
import { NodeProducer } from "./producer.ts";

/**
 * Kafka for Node: librdkafka inside the addon of @confluentinc/kafka-javascript.
 * @throws KafkaError INVALID when the addon was not built for this Node
 */
export function createNodeKafka(options: ClientOptions): Kafka {
  const addon = loadAddon();
  const brokerLog = new BrokerLog(options);
  return {
    version: `librdkafka ${addon.librdkafkaVersion} (@confluentinc/kafka-javascript)`,
    producer: (producer) => new NodeProducer(addon, options, brokerLog, producer),
    consumer: (consumer) => new NodeConsumer(addon, options, brokerLog, consumer),
    admin: () => new NodeAdmin(addon, options, brokerLog),
  };
}

import { BrokerLog } from "../broker-log.ts";
import type { ClientOptions, OperatorsKafka } from "../kafka.ts";
import { BunAdmin } from "./admin.ts";
import { BunConsumer } from "./consumer.ts";
import { openLibrary } from "./library.ts";
import { BunProducer } from "./producer.ts";

/**
 * Kafka for Bun: librdkafka over bun:ffi.
 * @param libraryPath a librdkafka to open instead of the one that is found (LIBRDKAFKA_PATH)
 * @throws KafkaError INVALID when no librdkafka can be opened
 */
export function createBunKafka(options: ClientOptions, libraryPath?: string): OperatorsKafka {
  const library = openLibrary(libraryPath);
  const brokerLog = new BrokerLog(options);
  return {
    version: `librdkafka ${library.version} (bun:ffi)`,
    producer: (producer) => new BunProducer(library, options, brokerLog, producer),
    consumer: (consumer) => new BunConsumer(library, options, brokerLog, consumer),
    admin: () => new BunAdmin(library, options, brokerLog),
  };
}

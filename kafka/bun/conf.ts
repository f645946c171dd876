import { KafkaError } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import { Memory } from "./memory.ts";
import { EVENT, type Librdkafka, type Ptr } from "./symbols.ts";

const UNKNOWN_PROPERTY = -2;
/** Logs come as events too: a callback would run JavaScript on a librdkafka thread while ours runs. */
const LOG_AS_EVENT: Properties = { "log.queue": true };

/**
 * An rd_kafka_conf_t that `rd_kafka_new` will own.
 * @throws KafkaError INVALID with librdkafka's message about the property
 */
export function createConf(rd: Librdkafka, properties: Properties): Ptr {
  const conf = rd.rd_kafka_conf_new() as Ptr;
  const reason = new Memory(512);
  for (const [name, value] of Object.entries({ ...LOG_AS_EVENT, ...properties })) {
    const optional = name.endsWith("?");
    const result = rd.rd_kafka_conf_set(conf, optional ? name.slice(0, -1) : name, String(value), reason.at, 512);
    if (result === 0 || (optional && result === UNKNOWN_PROPERTY)) continue;
    rd.rd_kafka_conf_destroy(conf);
    throw new KafkaError("INVALID", reason.text());
  }
  const { DR, LOG, ERROR, REBALANCE, OFFSET_COMMIT, STATS } = EVENT;
  rd.rd_kafka_conf_set_events(conf, DR | LOG | ERROR | REBALANCE | OFFSET_COMMIT | STATS);
  return conf;
}

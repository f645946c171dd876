import type { ClientOptions, ConsumerOptions, ProducerOptions } from "./kafka.ts";

/**
 * librdkafka's properties, the same under every runtime: groups and partitions are shared between them. A name that ends
 * in `?` may be unknown to an older library.
 */
export type Properties = Readonly<Record<string, string | number | boolean>>;

/** Bytes of one record, key and headers included: just below the broker's default message.max.bytes (1,048,588). */
export const MAX_RECORD_BYTES = 1_048_576;
export const DEFAULT_MESSAGE_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_QUEUED = 100_000;
export const DEFAULT_MAX_POLL_INTERVAL_MS = 300_000;

function common(options: ClientOptions): Properties {
  return {
    "bootstrap.servers": options.brokers,
    "client.id": options.clientId,
    "socket.keepalive.enable": true,
    "socket.nagle.disable": true,
    // A broker that is back is found within a second. librdkafka's default is a backoff of up to 10 s.
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1_000,
    // A topic that is created later is seen after this time; the default is 5 minutes.
    "topic.metadata.refresh.interval.ms": 30_000,
  };
}

export function producerProperties(client: ClientOptions, options: ProducerOptions): Properties {
  return {
    ...common(client),
    // Statistics tell whether a broker connection is up; librdkafka has no event for it.
    "statistics.interval.ms": 1_000,
    acks: "all",
    "enable.idempotence": true,
    "linger.ms": options.lingerMs ?? 1,
    "message.timeout.ms": options.messageTimeoutMs ?? DEFAULT_MESSAGE_TIMEOUT_MS,
    "queue.buffering.max.messages": options.maxQueued ?? DEFAULT_MAX_QUEUED,
    "queue.buffering.max.kbytes": 262_144,
    "message.max.bytes": MAX_RECORD_BYTES,
    "compression.type": options.compression ?? "lz4",
    // Keys hash as in the Java client; records without a key stick to one partition for
    // sticky.partitioning.linger.ms (10 ms), which keeps batches full.
    partitioner: "murmur2_random",
    // An unknown topic may just be being created: milliseconds until it counts as unknown. The default is 30 s.
    "topic.metadata.propagation.max.ms": 3_000,
    ...client.properties,
  };
}

export function consumerProperties(client: ClientOptions, options: ConsumerOptions): Properties {
  const session = options.sessionTimeoutMs ?? 10_000;
  return {
    ...common(client),
    // Statistics only serve the log here: a broker is connected again.
    "statistics.interval.ms": 5_000,
    "group.id": options.groupId,
    "auto.offset.reset": options.from ?? "earliest",
    "enable.auto.commit": false,
    "enable.auto.offset.store": false,
    "session.timeout.ms": session,
    // Members hear of a rebalance with their next heartbeat, so the default of 3 s would make each rebalance take 3 s.
    "heartbeat.interval.ms": Math.min(1_000, Math.floor(session / 3)),
    "max.poll.interval.ms": Math.max(options.maxPollIntervalMs ?? DEFAULT_MAX_POLL_INTERVAL_MS, session),
    // Members keep their partitions while others join or leave: a consumer that is added during a sale stops no other.
    "partition.assignment.strategy": "cooperative-sticky",
    "queued.max.messages.kbytes": 16_384,
    // How soon a full queue fetches again; before librdkafka 2.2 it is a fixed second.
    "fetch.queue.backoff.ms?": 10,
    ...client.properties,
  };
}

export function adminProperties(client: ClientOptions): Properties {
  return { ...common(client), ...client.properties };
}

/** For a consumer that asks for its group's offsets and never joins the group. */
export function questionerProperties(client: ClientOptions, groupId: string): Properties {
  return { ...adminProperties(client), "group.id": groupId };
}

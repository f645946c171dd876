import { ERR } from "../error-codes.ts";
import type { ConsumerOptions, TopicPartition } from "../kafka.ts";
import { keyOf } from "../partitions.ts";
import { takeError } from "./errors.ts";
import type { NativeClient } from "./native-client.ts";
import { readPartitionList } from "./partition-list.ts";
import type { Ptr } from "./symbols.ts";

/** The partitions that the group assigned to this consumer. Answers librdkafka's rebalance events. */
export class GroupAssignment {
  readonly #client: () => NativeClient;
  readonly #records: () => Ptr;
  readonly #onRebalance: ConsumerOptions["onRebalance"];
  readonly #owned = new Map<string, TopicPartition>();

  /** @param records the queue for fetched records */
  constructor(client: () => NativeClient, records: () => Ptr, onRebalance: ConsumerOptions["onRebalance"]) {
    this.#client = client;
    this.#records = records;
    this.#onRebalance = onRebalance;
  }

  list(): TopicPartition[] {
    return [...this.#owned.values()];
  }

  has(partition: TopicPartition): boolean {
    return this.#owned.has(keyOf(partition));
  }

  /** An RD_KAFKA_EVENT_REBALANCE. */
  onEvent(event: Ptr): void {
    const { rd, rk } = this.#client();
    const list = rd.rd_kafka_event_topic_partition_list(event) as Ptr;
    const partitions = readPartitionList(list).map(({ topic, partition }) => ({ topic, partition }));
    const cooperative = rd.rd_kafka_rebalance_protocol(rk) === "COOPERATIVE";
    if (rd.rd_kafka_event_error(event) === ERR.ASSIGN) {
      // Records go to a separate queue, so that rebalances are answered between polls for records, and so
      // that batches can be fetched: rd_kafka_consume_batch_queue would swallow a rebalance event.
      for (const { topic, partition } of partitions) this.#forward(topic, partition);
      // librdkafka remembers a pause across rebalances. The partition may have been resumed while another member had it.
      rd.rd_kafka_resume_partitions(rk, list);
      if (cooperative) takeError(rd, rd.rd_kafka_incremental_assign(rk, list), "assign");
      else rd.rd_kafka_assign(rk, list);
      for (const partition of partitions) this.#owned.set(keyOf(partition), partition);
      this.#onRebalance?.("assigned", partitions);
    } else {
      for (const partition of partitions) this.#owned.delete(keyOf(partition));
      // Also after an error or a close: librdkafka waits for the answer.
      if (cooperative) takeError(rd, rd.rd_kafka_incremental_unassign(rk, list), "unassign");
      else rd.rd_kafka_assign(rk, null);
      this.#onRebalance?.("revoked", partitions);
    }
  }

  #forward(topic: string, partition: number): void {
    const { rd, rk } = this.#client();
    const queue = rd.rd_kafka_queue_get_partition(rk, topic, partition);
    if (!queue) return;
    rd.rd_kafka_queue_forward(queue, this.#records());
    rd.rd_kafka_queue_destroy(queue);
  }
}

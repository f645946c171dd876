import { KafkaError, type TopicPartition, type TopicPartitionOffset } from "./kafka.ts";
import { offsetsInOrder } from "./partitions.ts";

/** A consumer that belongs to one group, asks about it and never joins it. */
export interface Questioner {
  /** What the group has committed; a partition that is missing or negative has none. @throws KafkaError */
  committed(partitions: readonly TopicPartition[], timeoutMs: number): Promise<readonly TopicPartitionOffset[]>;
  close(): Promise<void>;
}

/**
 * What groups have committed, each asked about by a consumer of its own. The admin API has a request for it, but in
 * librdkafka 2.15 it can end the process in two ways: a coordinator's "not yet" or "not mine" goes to the asking client's
 * own group, and a client without one dies (rd_kafka_handle_OffsetFetch → rd_kafka_cgrp_op); and a request that ran out of
 * time stays in the list of those that wait for their coordinator, which, when it comes back, is handed freed memory
 * (rd_kafka_admin_coord_request → rd_kafka_coord_req_fail).
 */
export class GroupOffsets {
  readonly #questioners = new Map<string, Questioner>();
  /** One question at a time: a failed one ends its client, which no other may be using then. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(private readonly open: (groupId: string) => Questioner) {}

  /** In the order of `partitions`; −1: none. @throws KafkaError */
  committed(groupId: string, partitions: readonly TopicPartition[], timeoutMs: number): Promise<readonly number[]> {
    const answer = this.#turn.then(() => this.#committed(groupId, partitions, timeoutMs));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Who still waits for an answer gets CLOSED, if its client can be closed under it. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#questioners.values()];
    this.#questioners.clear();
    await Promise.all(all.map((questioner) => questioner.close()));
  }

  async #committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    timeoutMs: number,
  ): Promise<readonly number[]> {
    if (this.#closed) throw new KafkaError("CLOSED", "the admin is closed");
    const questioner = this.#questioners.get(groupId) ?? this.open(groupId);
    this.#questioners.set(groupId, questioner);
    const found = await questioner.committed(partitions, timeoutMs).catch(async (error: unknown) => {
      // A new one looks for the coordinator anew, and takes along nothing of what piled up while it was away.
      this.#questioners.delete(groupId);
      await questioner.close();
      throw error;
    });
    return offsetsInOrder(found, partitions);
  }
}

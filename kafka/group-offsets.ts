import { KafkaError, type TopicPartition, type TopicPartitionOffset } from "./kafka.ts";
import { offsetsInOrder } from "./partitions.ts";

/** A consumer with a group id that asks for the group's offsets and never joins the group. */
export interface Questioner {
  /** What the group has committed; a partition that is missing or negative has none. @throws KafkaError */
  committed(partitions: readonly TopicPartition[], timeoutMs: number): Promise<readonly TopicPartitionOffset[]>;
  close(): Promise<void>;
}

/**
 * The committed offsets of groups. Each group is asked about by a separate consumer. The admin API has a request for it, but
 * in librdkafka 2.15 that request can end the process in two ways. First: if the coordinator answers "not yet" or "not mine", the
 * answer goes to the group of the asking client, and a client without a group crashes (rd_kafka_handle_OffsetFetch →
 * rd_kafka_cgrp_op). Second: a request that timed out stays in the list that waits for the coordinator, and is used after it was
 * freed when the coordinator is back (rd_kafka_admin_coord_request → rd_kafka_coord_req_fail).
 */
export class GroupOffsets {
  readonly #questioners = new Map<string, Questioner>();
  /** One request at a time: a failed request closes its client, so no other request may be using it. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(private readonly open: (groupId: string) => Questioner) {}

  /** In the order of `partitions`; −1: none. @throws KafkaError */
  committed(groupId: string, partitions: readonly TopicPartition[], timeoutMs: number): Promise<readonly number[]> {
    const answer = this.#turn.then(() => this.#committed(groupId, partitions, timeoutMs));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** A caller that still waits for an answer gets CLOSED, if its client can be closed during a call. */
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
      // The next client searches for the coordinator again, without the requests that piled up during the outage.
      this.#questioners.delete(groupId);
      await questioner.close();
      throw error;
    });
    return offsetsInOrder(found, partitions);
  }
}

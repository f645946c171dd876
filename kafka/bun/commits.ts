import { codeOf, ERR } from "../error-codes.ts";
import { KafkaError, type TopicPartitionOffset } from "../kafka.ts";
import { kafkaError } from "./errors.ts";
import type { NativeClient } from "./native-client.ts";
import { readPartitionList, withPartitionList } from "./partition-list.ts";
import type { Ptr } from "./symbols.ts";

/** REBALANCING: refused because the group was rebalancing. Partitions that stay assigned must be committed again. */
export type CommitOutcome = "STORED" | "REBALANCING";

interface PendingCommit {
  resolve(outcome: CommitOutcome): void;
  reject(error: KafkaError): void;
}

/** Offset commits under way. librdkafka answers each on a queue, with the number that it was given. */
export class Commits {
  readonly #client: NativeClient;
  readonly #answers: Ptr;
  readonly #pending = new Map<number, PendingCommit>();
  #next = 1;

  constructor(client: NativeClient, answers: Ptr) {
    this.#client = client;
    this.#answers = answers;
  }

  /** Tries once. @throws KafkaError (as a rejection), but never because of a rebalance */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<CommitOutcome> {
    const { rd, rk } = this.#client;
    return new Promise((resolve, reject) => {
      const number = this.#next++;
      this.#pending.set(number, { resolve, reject });
      const refused = withPartitionList(rd, offsets, (list) =>
        rd.rd_kafka_commit_queue(rk, list, this.#answers, null, number as Ptr),
      );
      if (refused !== 0) this.#ended(number, refused);
    });
  }

  /** An RD_KAFKA_EVENT_OFFSET_COMMIT. */
  onEvent(event: Ptr): void {
    const { rd } = this.#client;
    const results = readPartitionList(rd.rd_kafka_event_topic_partition_list(event));
    const failed = results.filter(({ err }) => err !== 0);
    const worst = failed.find(({ err }) => codeOf(err) !== "REBALANCED") ?? failed[0];
    const number = Number(rd.rd_kafka_event_opaque(event) ?? 0);
    this.#ended(number, worst?.err ?? rd.rd_kafka_event_error(event));
  }

  failAll(error: KafkaError): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #ended(number: number, native: number): void {
    const commit = this.#pending.get(number);
    if (commit === undefined) return;
    this.#pending.delete(number);
    // NO_OFFSET: every partition of the commit was lost meanwhile.
    if (native === 0 || native === ERR.NO_OFFSET) commit.resolve("STORED");
    else if (codeOf(native) === "REBALANCED") commit.resolve("REBALANCING");
    else if (native === ERR.UNKNOWN_TOPIC_OR_PART) {
      // The partition was assigned, so it exists. A broker that is stopping or has just started may not know it for a
      // moment.
      commit.reject(new KafkaError("UNAVAILABLE", `commit: ${this.#client.rd.rd_kafka_err2str(native)}`, native));
    } else commit.reject(kafkaError(this.#client.rd, native, "commit"));
  }
}

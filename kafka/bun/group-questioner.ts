import type { BrokerLog } from "../broker-log.ts";
import type { Questioner } from "../group-offsets.ts";
import type { ClientOptions, TopicPartition } from "../kafka.ts";
import { questionerProperties } from "../properties.ts";
import { blocking } from "./blocking-call.ts";
import { kafkaError } from "./errors.ts";
import type { OpenLibrary } from "./library.ts";
import { NativeClient } from "./native-client.ts";
import { type PartitionResult, readPartitionList, withPartitionList } from "./partition-list.ts";
import { CONSUMER } from "./symbols.ts";

export class GroupQuestioner implements Questioner {
  readonly #client: NativeClient;

  constructor(
    library: OpenLibrary,
    options: ClientOptions,
    brokerLog: BrokerLog,
    private readonly groupId: string,
  ) {
    // Only logs and errors can come as events, and the client itself handles those.
    this.#client = new NativeClient(library, CONSUMER, questionerProperties(options, groupId), brokerLog, () => {});
  }

  async committed(partitions: readonly TopicPartition[], timeoutMs: number): Promise<PartitionResult[]> {
    const { rd, rk } = this.#client;
    const what = `committed offsets of ${this.groupId}`;
    let found: PartitionResult[] = [];
    await blocking(this.#client, what, timeoutMs, (blockMs) =>
      withPartitionList(rd, partitions, (list) => {
        const native = rd.rd_kafka_committed(rk, list, blockMs);
        found = readPartitionList(list);
        return native;
      }),
    );
    const failed = found.find(({ err }) => err !== 0);
    if (failed !== undefined) throw kafkaError(rd, failed.err, what);
    return found;
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}

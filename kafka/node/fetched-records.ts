import type { BrokerLog } from "../broker-log.ts";
import type { IncomingRecord, TopicPartition } from "../kafka.ts";
import { keyOf } from "../partitions.ts";
import type { NativeConsumer, NativeMessage } from "./addon.ts";
import type { GroupAssignment } from "./assignment.ts";
import { called } from "./errors.ts";

const NO_HEADERS: Readonly<Record<string, Uint8Array>> = Object.freeze(Object.create(null));
/** Milliseconds for which an assignment counts as fresh, so that not every small poll asks librdkafka. */
const FRESH_MS = 10;
const NOTHING_YET = -1;

/** The state of one partition. */
interface Lane extends TopicPartition {
  paused: boolean;
  /** Offset of the record that came last. */
  last: number;
}

/**
 * Fetched records between librdkafka and `poll`. A fetch runs on a worker thread: a pause, a seek or a rebalance during the fetch
 * must apply to its records too.
 */
export class FetchedRecords {
  readonly #native: NativeConsumer;
  readonly #assignment: GroupAssignment;
  readonly #brokerLog: BrokerLog;
  readonly #lanes = new Map<string, Lane>();
  /** Records of partitions that were paused while they were being fetched. */
  #held: IncomingRecord[] = [];
  /** The fetch or the seek that is under way. */
  #busy: Promise<unknown> = Promise.resolve();
  #asked = 0;

  constructor(native: NativeConsumer, assignment: GroupAssignment, brokerLog: BrokerLog) {
    this.#native = native;
    this.#assignment = assignment;
    this.#brokerLog = brokerLog;
  }

  /** Up to `max` fetched records; null after an error of a partition, which is logged: call again. */
  async take(max: number): Promise<IncomingRecord[] | null> {
    const held = this.#takeHeld(max);
    if (held.length > 0) return held;
    const fetched = await this.without(() => this.#fetch(max));
    return fetched === null ? null : this.#admit(fetched);
  }

  /** Runs `work` while nothing is being fetched. */
  without<T>(work: () => Promise<T>): Promise<T> {
    const outcome = this.#busy.then(work);
    this.#busy = outcome.catch(() => {});
    return outcome;
  }

  /** Across rebalances as well, as librdkafka does it. */
  setPaused(partitions: readonly TopicPartition[], paused: boolean): void {
    for (const partition of partitions) this.#laneOf(partition).paused = paused;
  }

  /** Drops what is known of the partitions: their next records begin at another offset. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#laneOf(partition).last = NOTHING_YET;
    const gone = new Set(partitions.map(keyOf));
    this.#held = this.#held.filter((record) => !gone.has(keyOf(record)));
  }

  #laneOf({ topic, partition }: TopicPartition): Lane {
    const key = keyOf({ topic, partition });
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = { topic, partition, paused: false, last: NOTHING_YET };
    this.#lanes.set(key, lane);
    return lane;
  }

  #takeHeld(max: number): IncomingRecord[] {
    if (this.#held.length === 0) return this.#held;
    const free = this.#held.filter((record) => !this.#laneOf(record).paused).slice(0, max);
    const taken = new Set(free);
    this.#held = this.#held.filter((record) => !taken.has(record));
    return free;
  }

  async #fetch(max: number): Promise<NativeMessage[] | null> {
    try {
      return await called("fetch", (done) => this.#native.consume(0, max, false, done));
    } catch (error) {
      this.#brokerLog.error(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Turns messages into records; tells of rebalances before their records. */
  #admit(messages: readonly NativeMessage[]): IncomingRecord[] {
    if (performance.now() - this.#asked > FRESH_MS) this.#ask();
    const records: IncomingRecord[] = [];
    let lane: Lane | undefined;
    let owned = false;
    for (const message of messages) {
      if (lane === undefined || message.partition !== lane.partition || message.topic !== lane.topic) {
        lane = this.#laneOf(message);
        if (!this.#assignment.has(lane)) this.#ask();
        owned = this.#assignment.has(lane);
      }
      // The partition was lost during the fetch: the member that has it now fetches the record again.
      if (!owned) continue;
      // Partitions that were lost and assigned again between two questions begin again at the committed offset.
      if (message.offset <= lane.last) this.#assignment.returned([lane]);
      lane.last = message.offset;
      (lane.paused ? this.#held : records).push(recordOf(message, lane.topic));
    }
    return records;
  }

  #ask(): void {
    this.#asked = performance.now();
    this.#assignment.refresh();
  }
}

const recordOf = (message: NativeMessage, topic: string): IncomingRecord => ({
  topic,
  partition: message.partition,
  offset: message.offset,
  key: message.key,
  value: message.value,
  headers: message.headers === undefined ? NO_HEADERS : Object.assign(Object.create(null), ...message.headers),
  timestamp: message.timestamp,
});

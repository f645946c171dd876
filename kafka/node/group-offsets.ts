import type { BrokerNews } from "../broker-news.ts";
import type { ClientOptions, TopicPartition } from "../kafka.ts";
import { adminProperties } from "../properties.ts";
import type { Addon, NativeConsumer, NativePartition } from "./addon.ts";
import { called, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";

/** A client that speaks for one group. */
interface Questioner {
  readonly native: NativeConsumer;
  readonly connected: Promise<unknown>;
}

/**
 * What groups have committed. The addon's admin client has a call for it, but is a producer inside: librdkafka 2.15 hands
 * a coordinator's "not yet" or "not mine" to the asking client's own group, and in a client without one the process dies
 * (rd_kafka_handle_OffsetFetch → rd_kafka_cgrp_op). So each group is asked about by a consumer of that group that never
 * joins it.
 */
export class GroupOffsets {
  readonly #questioners = new Map<string, Questioner>();
  /** One question at a time: a failed one ends its client, which no other may be using then. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly addon: Addon,
    private readonly options: ClientOptions,
    private readonly news: BrokerNews,
  ) {}

  /** In the order of `partitions`; −1: none. Holds a worker thread until the broker answers. @throws KafkaError */
  committed(groupId: string, partitions: readonly TopicPartition[], timeoutMs: number): Promise<readonly number[]> {
    const answer = this.#turn.then(() => this.#committed(groupId, partitions, timeoutMs));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    timeoutMs: number,
  ): Promise<readonly number[]> {
    const questioner = this.#questioner(groupId);
    const found = await this.#ask(questioner, groupId, partitions, timeoutMs).catch(async (error: unknown) => {
      // A new one looks for the coordinator anew, and takes along nothing of what piled up while it was away.
      this.#questioners.delete(groupId);
      await end(questioner);
      throw error;
    });
    const offsets = new Map(found.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset ?? -1]));
    return partitions.map(({ topic, partition }) => Math.max(-1, offsets.get(`${topic}/${partition}`) ?? -1));
  }

  /** No call may be under way. */
  async close(): Promise<void> {
    const all = [...this.#questioners.values()];
    this.#questioners.clear();
    await Promise.all(all.map(end));
  }

  async #ask(
    { native, connected }: Questioner,
    groupId: string,
    partitions: readonly TopicPartition[],
    timeoutMs: number,
  ): Promise<NativePartition[]> {
    await connected;
    return called(`committed offsets of ${groupId}`, (done) => native.committed(partitions, timeoutMs, done));
  }

  #questioner(groupId: string): Questioner {
    const known = this.#questioners.get(groupId);
    if (known !== undefined) return known;
    const properties = addonProperties({ ...adminProperties(this.options), "group.id": groupId });
    const native = made(() => new this.addon.KafkaConsumer(properties, undefined));
    const { handle } = new ClientEvents(this.news);
    native.configureCallbacks(true, { global: {}, topic: {}, event: { event_cb: handle } });
    const asked = { native, connected: called("start", (done) => native.connect(done)) };
    this.#questioners.set(groupId, asked);
    return asked;
  }
}

async function end({ native, connected }: Questioner): Promise<void> {
  await connected.catch(() => {});
  await called("close", (done) => native.disconnect(done)).catch(() => {});
}

import type { UserId } from "../../contracts/wire/ids.ts";
import type { TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";
import type { HeldRecords } from "../engine/role.ts";
import type { Personal } from "./messages.ts";

/** Between two tries of a user whose part of Redis does not answer. */
const TRY_EVERY_MS = 1_000;

/**
 * News of users whose inbox cannot be written now, each user's in order, while other users' messages go on. The oldest record
 * that waits holds back its partition's offset.
 */
export class WaitingMessages implements HeldRecords {
  readonly #users = new Map<UserId, readonly Personal[]>();
  /** How often a partition was taken away; a batch that began before must not leave anything behind here. */
  readonly #revocations = new Map<string, number>();
  #size = 0;
  #tryAt = 0;

  /** Messages that wait. */
  get size(): number {
    return this.#size;
  }

  has(userId: UserId): boolean {
    return this.#users.has(userId);
  }

  /** Everything that waits, if it is time to try it again. It holds back its offsets until it is dropped. */
  turn(nowMs: number): Map<UserId, Personal[]> {
    if (!this.due(nowMs)) return new Map();
    return new Map([...this.#users].map(([userId, news]) => [userId, [...news]]));
  }

  /** These users' turn came: what of theirs is to wait on is kept again. */
  drop(userIds: Iterable<UserId>): void {
    for (const userId of userIds) {
      this.#size -= this.#users.get(userId)?.length ?? 0;
      this.#users.delete(userId);
    }
  }

  /** What a later `keep` compares with: partitions may be revoked between the two. */
  tenures(): ReadonlyMap<string, number> {
    return new Map(this.#revocations);
  }

  /** These wait, behind what waits of the same user already. */
  keep(userId: UserId, news: readonly Personal[], since: ReadonlyMap<string, number>, nowMs: number): void {
    const ours = news.filter(({ record }) => this.#revocations.get(keyOf(record)) === since.get(keyOf(record)));
    if (ours.length === 0) return;
    if (this.#size === 0) this.#tryAt = nowMs + TRY_EVERY_MS;
    this.#users.set(userId, [...(this.#users.get(userId) ?? []), ...ours]);
    this.#size += ours.length;
  }

  firstOf(partition: TopicPartition): number | undefined {
    let first: number | undefined;
    for (const news of this.#users.values()) {
      for (const { record } of news) {
        if (record.topic !== partition.topic || record.partition !== partition.partition) continue;
        if (first === undefined || record.offset < first) first = record.offset;
      }
    }
    return first;
  }

  due(nowMs: number): boolean {
    return this.#size > 0 && this.#tryAt <= nowMs;
  }

  revoked(partitions: readonly TopicPartition[]): void {
    const keys = new Set(partitions.map(keyOf));
    for (const key of keys) this.#revocations.set(key, (this.#revocations.get(key) ?? 0) + 1);
    for (const [userId, news] of this.#users) {
      const left = news.filter(({ record }) => !keys.has(keyOf(record)));
      this.#size -= news.length - left.length;
      if (left.length === 0) this.#users.delete(userId);
      else this.#users.set(userId, left);
    }
  }
}

import type { CouponId } from "../../contracts/ids.ts";
import type { TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";
import type { Waiting } from "../role.ts";
import type { Request } from "./request.ts";

/** Between two tries of a sale that is paused or being rebuilt. */
const TRY_EVERY_MS = 250;

interface Queue {
  readonly requests: Request[];
  tryAt: number;
}

/**
 * Requests of sales that cannot be decided now (paused, fenced, Redis full), each sale's in the order of the log, while
 * the partition's other sales go on. A sale's first request is its oldest: it is what holds back the partition's offset.
 */
export class WaitingRequests implements Waiting {
  readonly #sales = new Map<CouponId, Queue>();
  /** How often a partition was taken away; a batch that began before must not leave anything behind here. */
  readonly #revocations = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(couponId: CouponId): boolean {
    return this.#sales.has(couponId);
  }

  /** Sales whose turn it is, with all that waits of them. */
  dueSales(nowMs: number): Map<CouponId, readonly Request[]> {
    const due = [...this.#sales].filter(([, { tryAt }]) => tryAt <= nowMs);
    return new Map(due.map(([couponId, { requests }]) => [couponId, requests]));
  }

  /** What a later `keep` compares with: partitions may be revoked between the two. */
  tenures(): ReadonlyMap<string, number> {
    return new Map(this.#revocations);
  }

  /** From now on exactly these requests of the sale wait, for another try in a moment. None: nothing does. */
  keep(couponId: CouponId, requests: readonly Request[], since: ReadonlyMap<string, number>, nowMs: number): void {
    this.#remove(couponId);
    const ours = requests.filter(({ record }) => {
      const key = keyOf(record);
      return this.#revocations.get(key) === since.get(key);
    });
    if (ours.length === 0) return;
    this.#sales.set(couponId, { requests: [...ours], tryAt: nowMs + TRY_EVERY_MS });
    this.#size += ours.length;
  }

  /** One more of a sale that waits already. (It was revoked meanwhile: then the request is not ours either.) */
  append(request: Request): void {
    const sale = this.#sales.get(request.couponId);
    if (sale === undefined) return;
    sale.requests.push(request);
    this.#size++;
  }

  firstOf(partition: TopicPartition): number | undefined {
    let first: number | undefined;
    for (const { requests } of this.#sales.values()) {
      const { topic, partition: number, offset } = requests[0]!.record;
      if (topic !== partition.topic || number !== partition.partition) continue;
      if (first === undefined || offset < first) first = offset;
    }
    return first;
  }

  due(nowMs: number): boolean {
    for (const { tryAt } of this.#sales.values()) if (tryAt <= nowMs) return true;
    return false;
  }

  revoked(partitions: readonly TopicPartition[]): void {
    const keys = new Set(partitions.map(keyOf));
    for (const key of keys) this.#revocations.set(key, (this.#revocations.get(key) ?? 0) + 1);
    for (const [couponId, { requests }] of this.#sales) {
      if (keys.has(keyOf(requests[0]!.record))) this.#remove(couponId);
    }
  }

  #remove(couponId: CouponId): void {
    this.#size -= this.#sales.get(couponId)?.requests.length ?? 0;
    this.#sales.delete(couponId);
  }
}

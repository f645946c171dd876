import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { TopicPartition } from "../../../kafka/kafka.ts";
import { keyOf } from "../../../kafka/partitions.ts";
import type { HeldRecords } from "../../engine/role.ts";
import type { Request } from "./request.ts";

/** Between two tries of a sale that is paused or being rebuilt, or that fails. */
const TRY_EVERY_MS = 250;
/** Requests of one sale, and of all sales, that one turn settles: a transaction of a fraction of a second. */
export const MAX_TURN = 5_000;
/** Requests in hand (about 100 MB) above which the partitions that hold most of them are paused. */
const MAX_WAITING = 100_000;
/** Requests in hand at which paused partitions resume. */
const RESUME_AT = 50_000;
/** A partition of which fewer wait flows on: it is not the one that fills the memory. */
const FEW = 1_000;

interface Queue {
  requests: Request[];
  /** Requests by partition: of a sale that is older than its topic's last partitions, they may lie in two. */
  readonly partitions: Map<string, number>;
  tryAt: number;
  /** How many are tried next. */
  portion: number;
  isAiling: boolean;
}

const NOBODY: readonly TopicPartition[] = [];

/**
 * Requests in hand, each sale's in the order of the log, until they are settled. Those of a sale that cannot be decided now
 * (paused, fenced, its keys broken) wait here, while the partition's other sales go on. A partition's offset stays at the
 * first request that waits. Times are of the monotonic clock, in milliseconds.
 */
export class WaitingRequests implements HeldRecords {
  readonly #sales = new Map<CouponId, Queue>();
  readonly #partitions = new Map<string, TopicPartition & { count: number }>();
  #size = 0;
  #isFull = false;

  get size(): number {
    return this.#size;
  }

  /** The sale's last turn failed for a reason that concerns this sale alone. */
  isAiling(couponId: CouponId): boolean {
    return this.#sales.get(couponId)?.isAiling === true;
  }

  /** Behind all that waits of its sale. */
  append(request: Request): void {
    const { couponId, record } = request;
    let sale = this.#sales.get(couponId);
    if (sale === undefined) {
      sale = { requests: [], partitions: new Map(), tryAt: 0, portion: MAX_TURN, isAiling: false };
      this.#sales.set(couponId, sale);
    }
    sale.requests.push(request);
    this.#count(sale, record, 1);
    if (this.#size >= MAX_WAITING) this.#isFull = true;
  }

  /** What the next turn tries: the first requests of sales whose time it is, `MAX_TURN` together. They stay in hand. */
  turn(nowMs: number): Map<CouponId, readonly Request[]> {
    const turn = new Map<CouponId, readonly Request[]>();
    let left = MAX_TURN;
    for (const [couponId, { requests, tryAt, portion }] of this.#sales) {
      if (tryAt > nowMs) continue;
      const first = requests.slice(0, Math.min(portion, left));
      turn.set(couponId, first);
      left -= first.length;
      if (left === 0) break;
    }
    return turn;
  }

  /** These are settled: they are not in hand any more, and what is behind them is tried next. */
  settled(couponId: CouponId, requests: readonly Request[]): void {
    const sale = this.#sales.get(couponId);
    if (sale === undefined) return; // revoked meanwhile
    if (requests.length > 0) this.#drop(couponId, sale, new Set(requests));
    if (!this.#sales.delete(couponId) || sale.requests.length === 0) return;
    this.#sales.set(couponId, { ...sale, tryAt: 0, portion: MAX_TURN, isAiling: false }); // behind the other sales
  }

  /** The sale cannot be decided now. One request is enough to find out when it can. */
  postpone(couponId: CouponId, nowMs: number): void {
    const sale = this.#sales.get(couponId);
    if (sale !== undefined) Object.assign(sale, { tryAt: nowMs + TRY_EVERY_MS, portion: 1, isAiling: false });
  }

  /** The sale's turn failed for a reason that concerns this sale alone: it is settled alone until it works again. */
  failed(couponId: CouponId, nowMs: number): void {
    const sale = this.#sales.get(couponId);
    if (sale !== undefined) Object.assign(sale, { tryAt: nowMs + TRY_EVERY_MS, portion: 1, isAiling: true });
  }

  /** One of the requests of this turn is at fault: the next turn tries fewer of them, at once. */
  halve(couponId: CouponId, requests: number): void {
    const sale = this.#sales.get(couponId);
    if (sale !== undefined) Object.assign(sale, { tryAt: 0, portion: Math.ceil(requests / 2), isAiling: true });
  }

  firstOf(partition: TopicPartition): number | undefined {
    const key = keyOf(partition);
    if (!this.#partitions.has(key)) return undefined;
    let first: number | undefined;
    for (const { requests, partitions } of this.#sales.values()) {
      if (!partitions.has(key)) continue;
      const { offset } = requests.find(({ record }) => keyOf(record) === key)!.record;
      if (first === undefined || offset < first) first = offset;
    }
    return first;
  }

  due(nowMs: number): boolean {
    for (const { tryAt } of this.#sales.values()) if (tryAt <= nowMs) return true;
    return false;
  }

  overfull(): readonly TopicPartition[] {
    if (this.#size <= RESUME_AT) this.#isFull = false;
    if (!this.#isFull) return NOBODY;
    return [...this.#partitions.values()].filter(({ count }) => count > FEW);
  }

  revoked(partitions: readonly TopicPartition[]): void {
    const gone = new Set(partitions.map(keyOf));
    for (const [couponId, sale] of this.#sales) {
      if (![...sale.partitions.keys()].some((key) => gone.has(key))) continue;
      this.#drop(couponId, sale, new Set(sale.requests.filter(({ record }) => gone.has(keyOf(record)))));
    }
  }

  #drop(couponId: CouponId, sale: Queue, requests: ReadonlySet<Request>): void {
    const stay: Request[] = [];
    for (const request of sale.requests) {
      if (requests.has(request)) this.#count(sale, request.record, -1);
      else stay.push(request);
    }
    sale.requests = stay;
    if (stay.length === 0) this.#sales.delete(couponId);
  }

  #count(sale: Queue, { topic, partition }: TopicPartition, change: 1 | -1): void {
    const key = keyOf({ topic, partition });
    const ofSale = (sale.partitions.get(key) ?? 0) + change;
    if (ofSale === 0) sale.partitions.delete(key);
    else sale.partitions.set(key, ofSale);
    const all = this.#partitions.get(key) ?? { topic, partition, count: 0 };
    all.count += change;
    if (all.count === 0) this.#partitions.delete(key);
    else this.#partitions.set(key, all);
    this.#size += change;
  }
}

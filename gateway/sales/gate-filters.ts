import type { CouponId } from "../../contracts/wire/ids.ts";
import type { WinnersFilter } from "./winners-filter.ts";

/** The winners of one version of a sale, as the gate remembers them. Times in milliseconds. */
export interface FilterOwner {
  winners: WinnersFilter | undefined;
  /** The time of the last request. */
  askedAt: number;
  /** The winners are not read before this time. */
  readAfter: number;
}

export interface GateFiltersOptions {
  /** Reads all winners of a sale from Redis, now; null: their filter would take more than `maxBytes`. */
  readonly read: (couponId: CouponId, maxBytes: number) => Promise<WinnersFilter | null>;
  /** The known version of the sale: a filter is valid only for the version in which it was read. */
  readonly ownerOf: (couponId: CouponId) => FilterOwner | undefined;
  /** The limit for all filters of a process together. */
  readonly maxBytes: number;
  readonly onError: (error: unknown) => void;
}

/** Limit of concurrent scans. Each reads a thousand winners per call from a Redis that decides claims meanwhile. */
const MAX_SCANS = 8;
/** A scan's timeout: a shard that is away must not occupy all scans. */
const AFTER_ERROR_MS = 5_000;
/** The earliest time at which an evicted filter is read again: two large sales must not evict each other in turns. */
const AFTER_EVICTION_MS = 10_000;

/**
 * The winners' filters of the gate, bounded by bytes. Without a filter the gate refuses no user from memory, and Redis answers,
 * which is slower but equally correct. At most one scan per sale runs. If the version changes meanwhile, the scan's result is
 * dropped, and the next request begins another scan.
 */
export class GateFilters {
  readonly #options: GateFiltersOptions;
  readonly #reading = new Set<CouponId>();
  readonly #held = new Map<CouponId, FilterOwner>();
  #bytes = 0;

  constructor(options: GateFiltersOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Called for a request about a sale whose winners are not known yet. */
  want(couponId: CouponId, owner: FilterOwner): void {
    if (this.#reading.has(couponId) || this.#reading.size >= MAX_SCANS || owner.askedAt < owner.readAfter) return;
    this.#reading.add(couponId);
    const { read, maxBytes, ownerOf, onError } = this.#options;
    read(couponId, maxBytes).then(
      (winners) => {
        this.#reading.delete(couponId);
        if (ownerOf(couponId) !== owner) return;
        if (winners === null) owner.readAfter = Number.POSITIVE_INFINITY;
        else this.#keep(couponId, owner, winners);
      },
      (error) => {
        this.#reading.delete(couponId);
        owner.readAfter = owner.askedAt + AFTER_ERROR_MS;
        onError(error);
      },
    );
  }

  /** Called when the sale has no more requests, or has another version. */
  drop(couponId: CouponId, owner: FilterOwner): void {
    if (this.#held.get(couponId) !== owner) return;
    this.#held.delete(couponId);
    this.#bytes -= owner.winners?.bytes ?? 0;
    owner.winners = undefined;
  }

  #keep(couponId: CouponId, owner: FilterOwner, winners: WinnersFilter): void {
    while (this.#bytes + winners.bytes > this.#options.maxBytes) this.#dropOldest(owner.askedAt);
    owner.winners = winners;
    this.#held.set(couponId, owner);
    this.#bytes += winners.bytes;
  }

  #dropOldest(nowMs: number): void {
    let oldest: [CouponId, FilterOwner] | undefined;
    for (const one of this.#held) if (oldest === undefined || one[1].askedAt < oldest[1].askedAt) oldest = one;
    const [couponId, owner] = oldest!;
    this.drop(couponId, owner);
    owner.readAfter = nowMs + AFTER_EVICTION_MS;
  }
}

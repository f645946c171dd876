import { LRUCache } from "lru-cache";
import { isFarAhead } from "../../contracts/claims/claim-numbers.ts";
import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { type FilterOwner, GateFilters, type GateFiltersOptions } from "./gate-filters.ts";
import type { WinnersFilter } from "./winners-filter.ts";

/** What this process has heard of a sale, from Redis' announcements, its own claims and its own reading. */
export interface SaleUpdate {
  readonly epoch: number;
  /** Grows with every change a gate must know; compared only within an epoch. */
  readonly version: number;
  readonly state: "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING";
  readonly soldOut: boolean;
}

interface Entry extends SaleUpdate, FilterOwner {
  /** When Redis last confirmed this. */
  confirmedAt: number;
  /** Claims came lately; the others are not kept fresh. */
  isLive: boolean;
}

/** A refusal the gate may give without asking Redis, except to those whom this filter knows: they may have won. */
export interface GateRefusal {
  readonly code: Extract<ClaimRefusal, "SOLD_OUT" | "PAUSED" | "ENDED">;
  readonly unlessWon: WinnersFilter;
}

/** Times are milliseconds of a clock that never goes back (`performance.now()`). */
export interface Board {
  /** Takes in what was heard. Older news than what is known changes nothing. */
  hear(couponId: CouponId, news: SaleUpdate, nowMs: number): void;
  /** Whether memory is enough to refuse a claim now. undefined: ask Redis. */
  gate(couponId: CouponId, nowMs: number): GateRefusal | undefined;
  /** Sales that were asked for lately and whose news should be confirmed. The filters of the others are dropped. */
  due(nowMs: number): CouponId[];
  /** Nothing is known of this sale any more (it is not in Redis). */
  forget(couponId: CouponId): void;
  /** Bytes of all winners' filters. */
  filterBytes(): number;
}

/** Epochs that never were (somebody wrote over the sale's keys) must not hide what comes after them. */
function isNewer(a: SaleUpdate, b: SaleUpdate): boolean {
  if (isFarAhead(a.epoch, b.epoch)) return false;
  return isFarAhead(b.epoch, a.epoch) || a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

/** What a gate may say of such a sale; undefined: Redis decides. */
function refusalOf({ state, soldOut }: SaleUpdate): GateRefusal["code"] | undefined {
  if (state === "PAUSED") return "PAUSED";
  if (state === "CLOSED") return "ENDED";
  return state === "OPEN" && soldOut ? "SOLD_OUT" : undefined;
}

export interface BoardOptions {
  /** How long a refusal holds without confirmation. */
  readonly ttlMs: number;
  readonly readWinners: GateFiltersOptions["read"];
  readonly maxFilterBytes: number;
  /** What changed for the sale's audience. */
  readonly onChange: (couponId: CouponId, change: "opened" | "soldout") => void;
  readonly onError: (error: unknown) => void;
}

/** In TTLs: when nobody asked for this time, the sale is not kept fresh and its filter is dropped. */
const IDLE_TTLS = 10;

/**
 * The gate's memory. It refuses only when it holds the sale's winners, read by an HSCAN that began after the sale had come
 * to this version: HSCAN returns every element present during the whole scan, so nobody who won is missed.
 */
export function createBoard(options: BoardOptions): Board {
  const { ttlMs, readWinners, maxFilterBytes, onChange, onError } = options;
  const sales = new LRUCache<CouponId, Entry>({ max: 10_000, dispose: (entry, id) => filters.drop(id, entry) });
  const live = new Set<CouponId>();
  const filters: GateFilters = new GateFilters({
    read: readWinners,
    ownerOf: (couponId) => sales.peek(couponId),
    maxBytes: maxFilterBytes,
    onError,
  });

  return {
    hear(couponId, news, nowMs) {
      if (!Number.isInteger(news.epoch)) return;
      const known = sales.peek(couponId);
      if (known !== undefined && !isNewer(news, known)) {
        if (news.epoch === known.epoch && news.version === known.version) known.confirmedAt = nowMs;
        return;
      }
      const { epoch, version, state, soldOut } = news;
      sales.set(couponId, {
        epoch,
        version,
        state,
        soldOut,
        confirmedAt: nowMs,
        askedAt: known?.askedAt ?? Number.NEGATIVE_INFINITY,
        isLive: known?.isLive ?? false,
        winners: undefined,
        readAfter: Number.NEGATIVE_INFINITY,
      });
      const wasOpen = known === undefined ? undefined : known.state === "OPEN" && !known.soldOut;
      if (soldOut && known?.soldOut !== true) onChange(couponId, "soldout");
      else if (wasOpen === false && state === "OPEN" && !soldOut) onChange(couponId, "opened");
    },

    gate(couponId, nowMs) {
      const entry = sales.get(couponId);
      if (entry === undefined) return undefined;
      entry.askedAt = nowMs;
      if (!entry.isLive) {
        entry.isLive = true;
        live.add(couponId);
      }
      if (nowMs - entry.confirmedAt > ttlMs) return undefined;
      const code = refusalOf(entry);
      if (code === undefined) return undefined;
      if (entry.winners !== undefined) return { code, unlessWon: entry.winners };
      filters.want(couponId, entry);
      return undefined;
    },

    due(nowMs) {
      const due: CouponId[] = [];
      for (const couponId of live) {
        const entry = sales.peek(couponId);
        if (entry !== undefined && nowMs - entry.askedAt < IDLE_TTLS * ttlMs) {
          if (nowMs - entry.confirmedAt >= ttlMs / 4) due.push(couponId);
          continue;
        }
        live.delete(couponId);
        if (entry === undefined) continue;
        entry.isLive = false;
        filters.drop(couponId, entry);
      }
      return due;
    },

    forget: (couponId) => void sales.delete(couponId),
    filterBytes: () => filters.bytes,
  };
}

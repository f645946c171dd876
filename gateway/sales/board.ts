import { LRUCache } from "lru-cache";
import { isFarAhead } from "../../contracts/claims/claim-numbers.ts";
import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { type FilterOwner, GateFilters, type GateFiltersOptions } from "./gate-filters.ts";
import type { WinnersFilter } from "./winners-filter.ts";

/** What this process knows of a sale, from Redis' announcements, its claims and its reads. */
export interface SaleUpdate {
  readonly epoch: number;
  /** Increases with every change that matters to a gate; compared only within an epoch. */
  readonly version: number;
  readonly state: "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING";
  readonly soldOut: boolean;
}

interface Entry extends SaleUpdate, FilterOwner {
  /** When Redis last confirmed this. */
  confirmedAt: number;
  /** Recent claims keep the sale fresh; a sale without claims is not confirmed. */
  isLive: boolean;
}

/** A refusal that the gate may give without Redis, except to users in this filter, who may have won. */
export interface GateRefusal {
  readonly code: Extract<ClaimRefusal, "SOLD_OUT" | "PAUSED" | "ENDED">;
  readonly unlessWon: WinnersFilter;
}

/** Times are milliseconds of a monotonic clock (`performance.now()`). */
export interface Board {
  /** Records an update. An older one than the known state changes nothing. */
  hear(couponId: CouponId, news: SaleUpdate, nowMs: number): void;
  /** The refusal from memory, if memory is enough; undefined: ask Redis. */
  gate(couponId: CouponId, nowMs: number): GateRefusal | undefined;
  /** Recently requested sales whose state needs a confirmation. The filters of all other sales are dropped. */
  due(nowMs: number): CouponId[];
  /** Forgets a sale that is not in Redis any more. */
  forget(couponId: CouponId): void;
  /** Bytes of all winners' filters. */
  filterBytes(): number;
}

/** An invalid epoch (another program overwrote the sale's keys) must not hide later valid ones. */
function isNewer(a: SaleUpdate, b: SaleUpdate): boolean {
  if (isFarAhead(a.epoch, b.epoch)) return false;
  return isFarAhead(b.epoch, a.epoch) || a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

/** The gate's refusal for a sale in this state; undefined: Redis decides. */
function refusalOf({ state, soldOut }: SaleUpdate): GateRefusal["code"] | undefined {
  if (state === "PAUSED") return "PAUSED";
  if (state === "CLOSED") return "ENDED";
  return state === "OPEN" && soldOut ? "SOLD_OUT" : undefined;
}

export interface BoardOptions {
  /** How long a refusal is valid without a confirmation. */
  readonly ttlMs: number;
  readonly readWinners: GateFiltersOptions["read"];
  readonly maxFilterBytes: number;
  /** Called with changes for the sale's subscribers. */
  readonly onChange: (couponId: CouponId, change: "opened" | "soldout") => void;
  readonly onError: (error: unknown) => void;
}

/** In multiples of the TTL: after this time without a request the sale is not confirmed and its filter is dropped. */
const IDLE_TTLS = 10;

/**
 * The gate's memory. It refuses only when it holds the sale's winners, read by an HSCAN that began after the sale had come
 * to this version: HSCAN returns every element present during the whole scan, so it misses no winner.
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

import { LRUCache } from "lru-cache";
import type { CouponId } from "../../contracts/ids.ts";
import type { WinnersFilter } from "./winners-filter.ts";

/** What this process has heard of a sale, from Redis' announcements, its own claims and its own reading. */
export interface SaleNews {
  readonly epoch: number;
  /** Grows with every change a gate must know; compared only within an epoch. */
  readonly version: number;
  readonly state: "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING";
  readonly soldOut: boolean;
}

interface Entry extends SaleNews {
  /** When Redis last confirmed this, milliseconds. */
  confirmedAt: number;
  /** The last time anybody asked; an entry nobody asks for is not kept fresh. */
  askedAt: number;
  /** Set once the sale's winners were read after it had sold out, for this version only. */
  winners: WinnersFilter | undefined;
  reading: boolean;
}

/** A refusal the gate may give without asking Redis; `unlessWon`: except to those this filter knows. */
export interface GateRefusal {
  readonly code: "SOLD_OUT" | "PAUSED" | "ENDED";
  readonly unlessWon: WinnersFilter | undefined;
}

export interface Board {
  /** Takes in what was heard. Older news than what is known changes nothing. */
  hear(couponId: CouponId, news: SaleNews, nowMs: number): void;
  /** Whether memory is enough to refuse a claim now. undefined: ask Redis. */
  gate(couponId: CouponId, nowMs: number): GateRefusal | undefined;
  /** Sales that were asked for lately and whose news should be confirmed. */
  due(nowMs: number): CouponId[];
  /** Nothing is known of this sale any more (it is not in Redis). */
  forget(couponId: CouponId): void;
}

const isNewer = (a: SaleNews, b: SaleNews) => a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);

export interface BoardOptions {
  /** How long a refusal holds without confirmation. */
  readonly ttlMs: number;
  /** Reads all winners of a sale from Redis, now. */
  readonly readWinners: (couponId: CouponId) => Promise<WinnersFilter>;
  /** What changed for the sale's audience. */
  readonly onChange: (couponId: CouponId, change: "opened" | "soldout") => void;
  readonly onError: (error: unknown) => void;
}

/**
 * The gate's memory (design 3.1). It refuses SOLD_OUT only when it holds the sale's winners, read by an HSCAN that began
 * after the sold-out moment: HSCAN returns every element present during the whole scan, so nobody who won is missed.
 */
export function createBoard(options: BoardOptions): Board {
  const { ttlMs, readWinners, onChange, onError } = options;
  const sales = new LRUCache<CouponId, Entry>({ max: 10_000 });

  function readFilter(couponId: CouponId, entry: Entry): void {
    entry.reading = true;
    readWinners(couponId).then(
      (winners) => {
        entry.reading = false;
        // `entry` is replaced when the version changes, so a filter never outlives the state it was read in.
        if (sales.peek(couponId) === entry) entry.winners = winners;
      },
      (error) => {
        entry.reading = false; // the next request tries again
        onError(error);
      },
    );
  }

  return {
    hear(couponId, news, nowMs) {
      const known = sales.peek(couponId);
      if (known !== undefined && !isNewer(news, known)) {
        if (news.epoch === known.epoch && news.version === known.version) known.confirmedAt = nowMs;
        return;
      }
      const { epoch, version, state, soldOut } = news;
      const entry: Entry = {
        epoch,
        version,
        state,
        soldOut,
        confirmedAt: nowMs,
        askedAt: known?.askedAt ?? 0,
        winners: undefined,
        reading: false,
      };
      sales.set(couponId, entry);
      const wasOpen = known === undefined ? undefined : known.state === "OPEN" && !known.soldOut;
      if (soldOut && known?.soldOut !== true) onChange(couponId, "soldout");
      else if (wasOpen === false && state === "OPEN" && !soldOut) onChange(couponId, "opened");
    },

    gate(couponId, nowMs) {
      const entry = sales.get(couponId);
      if (entry === undefined) return undefined;
      entry.askedAt = nowMs;
      if (nowMs - entry.confirmedAt > ttlMs) return undefined;
      if (entry.state === "PAUSED") return { code: "PAUSED", unlessWon: undefined };
      if (entry.state === "CLOSED") return { code: "ENDED", unlessWon: undefined };
      if (!entry.soldOut || entry.state !== "OPEN") return undefined;
      if (entry.winners === undefined) {
        if (!entry.reading) readFilter(couponId, entry);
        return undefined;
      }
      return { code: "SOLD_OUT", unlessWon: entry.winners };
    },

    due(nowMs) {
      const due: CouponId[] = [];
      for (const [couponId, entry] of sales.entries()) {
        if (nowMs - entry.askedAt < 10 * ttlMs && nowMs - entry.confirmedAt >= ttlMs / 4) due.push(couponId);
      }
      return due;
    },

    forget(couponId) {
      sales.delete(couponId);
    },
  };
}

/** What the checker knows about one sale when it judges; plain data, read by the readers beside this file. */

import type { CouponId } from "../contracts/wire/ids.ts";

export interface StoredCoupon {
  readonly userId: string;
  readonly slot: number | null;
  readonly requestId: string;
  readonly status: string;
}

/** An entry of `:winners`; a value that cannot be read has slot null. */
export interface StoredWinner {
  readonly userId: string;
  readonly slot: number | null;
  readonly requestId: string;
}

export interface StoredLedgerEntry {
  readonly ledgerId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number | null;
  readonly ageMs: number;
}

export interface StoredAlias {
  readonly requestId: string;
  readonly originalRequestId: string;
}

/** PostgreSQL's row of the sale. */
export interface StoredSale {
  readonly couponId: CouponId;
  readonly total: number;
  readonly epoch: number;
  readonly state: string;
  readonly loadState: string;
  readonly endsAtMs: number;
}

/** Redis's view, read in one transaction, so that the numbers belong together. */
export interface RedisSale {
  readonly state: string;
  readonly total: number;
  readonly next: number;
  readonly epoch: number;
  readonly endsAtMs: number;
  readonly winners: number;
  readonly freed: number;
  readonly ledger: number;
}

/** Whole-sale numbers: rows that are not revoked, and ledger entries (or unconsumed records) that have no row yet, and slots that are being revoked. */
export interface SaleCounts {
  readonly active: number;
  readonly pending: number;
}

export interface Examined {
  readonly rows: number;
  readonly statuses: number;
  readonly tombstones: number;
  readonly aliases: number;
}

/**
 * Everything about the users, requests and slots in question (a whole sale, or the suspects of one): complete for
 * those, silent about others. Read in the order winners, statuses, ledger, freed, PostgreSQL: a claim leaves the
 * ledger only after its row is there, so a claim that is missing in all of them is lost.
 */
export interface SaleFacts {
  readonly sale: StoredSale;
  /** null: Redis has no `:sale`. */
  readonly redis: RedisSale | null;
  /** `next` once more, after winners and freed slots were read: none of those may lie beyond it. */
  readonly nextAfter: number;
  readonly counts: SaleCounts;
  readonly examined: Examined;
  readonly nowMs: number;
  readonly rows: readonly StoredCoupon[];
  readonly aliases: readonly StoredAlias[];
  readonly winners: readonly StoredWinner[];
  /** As the list holds them, duplicates included. */
  readonly freed: readonly (number | null)[];
  readonly ledger: readonly StoredLedgerEntry[];
  /** requestId → `ISSUED <slot>` or `FAILED <reason>` */
  readonly statuses: ReadonlyMap<string, string>;
  /** Requests whose record in the log the persisting group has not reached yet. */
  readonly unconsumed: ReadonlySet<string>;
  /** Requests (their other names too) that an operator revoked, and that Redis holds yet, or held some seconds ago. */
  readonly revoking: ReadonlySet<string>;
  /** Slots about which these facts are complete; only such a slot can be called forgotten. */
  readonly slots: Iterable<number>;
  /** Age from which a ledger entry counts as stuck, milliseconds; null: no consumer runs. */
  readonly stuckMs: number | null;
}

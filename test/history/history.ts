/**
 * What clients did and heard in one test, on one monotonic clock (milliseconds of `performance.now()`), and what the
 * database says in the end. The checker needs nothing else: no log, no metric, no word of the program under test about itself.
 */
export interface History {
  readonly claims: readonly ClaimCall[];
  readonly statusReads: readonly StatusRead[];
  readonly told: readonly Told[];
  readonly revocations: readonly OperatorRevocation[];
  readonly totals: readonly TotalSet[];
  /** Moments from which on Redis may have forgotten what it had decided: it was dead, emptied, or replaced by a replica. */
  readonly losses: readonly number[];
}

/** A request's life at the client. `answeredAt` is Infinity when its end was never told: it may still take effect. */
export interface Interval {
  readonly invokedAt: number;
  readonly answeredAt: number;
}

export type ClaimAnswer =
  /** 202 or 200; without a slot while the claim waits to be decided (queued mode). */
  | {
      readonly kind: "accepted";
      readonly requestId: string;
      readonly slot: number | null;
      readonly receipt: string | null;
      readonly repeat: boolean;
    }
  | { readonly kind: "refused"; readonly code: string }
  /** No answer, a broken connection, a time-out. */
  | { readonly kind: "unknown"; readonly why: string };

export interface ClaimCall extends Interval {
  readonly userId: string;
  readonly via: "http" | "socket";
  /** Address of the gateway that was asked. */
  readonly gateway: string;
  readonly answer: ClaimAnswer;
}

export interface StatusRead extends Interval {
  readonly userId: string;
  readonly requestId: string;
  readonly status: "ACCEPTED" | "PENDING" | "ISSUED" | "FAILED" | "NOT_FOUND";
  readonly slot: number | null;
  readonly reason: string | null;
}

/** A personal socket message: coupon.issued, coupon.failed, or a coupon in a resync. */
export interface Told {
  readonly at: number;
  readonly userId: string;
  readonly requestId: string;
  readonly word: "ISSUED" | "FAILED";
  readonly slot: number | null;
  readonly reason: string | null;
}

/** An operator took a user's coupon back. */
export interface OperatorRevocation extends Interval {
  readonly userId: string;
}

/** The sale was created with, or resized to, `total`. */
export interface TotalSet extends Interval {
  readonly total: number;
}

/** What PostgreSQL holds of the sale when everything has settled. */
export interface Facts {
  readonly total: number;
  readonly rows: readonly HistoryRow[];
  readonly aliases: readonly HistoryAlias[];
  /** When each epoch after the first began, on the history's clock. */
  readonly fences: readonly Fence[];
}

export interface HistoryRow {
  readonly userId: string;
  readonly requestId: string;
  /** null: a tombstone. */
  readonly slot: number | null;
  readonly revoked: boolean;
  readonly epoch: number;
}

export interface HistoryAlias {
  readonly requestId: string;
  readonly originalRequestId: string;
  readonly userId: string;
}

export interface Fence {
  readonly epoch: number;
  readonly at: number;
}

/** What a test demands beyond the promises. */
export interface Demand {
  /** How many coupons must be out in the end; absent: at most the total. */
  readonly winners?: number;
  /** Acceptances that may end in a tombstone without an operator's doing. Default 0. */
  readonly givenUp?: number;
  /** Users whose rows the test put there itself. Default: none. */
  readonly isSeeded?: (userId: string) => boolean;
  /** Whether a receipt is genuine. Default: any text is. */
  readonly isReceipt?: (receipt: string, requestId: string, userId: string) => boolean;
}

export const RULES = {
  OVERSOLD: "more coupons are out than the sale has",
  NOT_EXACTLY: "another number of coupons is out than the test demands",
  TWO_FOR_ONE_USER: "one user holds two coupons",
  SLOT_TWICE: "two users hold one slot",
  SLOT_OUT_OF_RANGE: "a slot lies outside 1..total",
  UNEXPLAINED_WINNER: "a coupon belongs to a user who never asked, or who was refused for good each time",
  VANISHED: "an acceptance has neither a row of that user, nor an alias, nor a tombstone",
  GIVEN_UP_UNTOLD: "an acceptance ended in a tombstone and its owner was not told FAILED",
  GIVEN_UP_TOO_OFTEN: "more acceptances ended in tombstones than the test allows",
  FAILED_AND_PERSISTED: "a user was told FAILED and holds the coupon under that request",
  ISSUED_WITHOUT_ROW: "a user was told ISSUED and there is no such row",
  ISSUED_THEN_GIVEN_UP: "a user was told ISSUED, and the claim was given up without an operator's doing",
  SLOT_DIFFERS: "a user was told another slot than the row has, and no rebuild explains it",
  REPEAT_DIFFERS: "a user was answered differently than before, and nothing explains it",
  REQUEST_FORGOTTEN: "an accepted request was unknown when its owner asked for it",
  WINNER_REFUSED: "a user was told SOLD_OUT after their acceptance",
  SOLD_OUT_TOO_EARLY: "SOLD_OUT was answered while not all slots could have been taken",
  DECIDED_UNFENCED: "after Redis had lost its memory a claim was decided before the sale was fenced",
  NO_RECEIPT: "an acceptance carries no receipt",
  RECEIPT_WRONG: "a receipt is not genuine, or another one than before for the same request",
} as const;
export type HistoryRule = keyof typeof RULES;

/** One broken promise with its evidence. Times are those of the history. */
export interface Violation {
  readonly rule: HistoryRule;
  readonly detail: string;
  readonly userId?: string;
  readonly requestId?: string;
  readonly at?: Interval;
}

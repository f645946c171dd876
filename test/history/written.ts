import { check } from "./checker.ts";
import type {
  ClaimAnswer,
  ClaimCall,
  Demand,
  Facts,
  History,
  HistoryAlias,
  HistoryRow,
  StatusRead,
  Told,
  Violation,
} from "./history.ts";

/** A history written by hand: what is left out did not happen. Two coupons unless it says otherwise. */
export type WrittenHistory = Partial<History> & Partial<Facts> & { readonly demand?: Demand };

export function judged({
  total = 2,
  rows = [],
  aliases = [],
  fences = [],
  demand = {},
  ...rest
}: WrittenHistory): Violation[] {
  const nothing: History = { claims: [], statusReads: [], told: [], revocations: [], totals: [], losses: [] };
  return check({ ...nothing, ...rest }, { total, rows, aliases, fences }, demand);
}

/** A claim of `userId` from one moment to another. */
export const claim = (userId: string, invokedAt: number, answeredAt: number, answer: ClaimAnswer): ClaimCall => {
  return { userId, via: "http", gateway: "http://a", invokedAt, answeredAt, answer };
};
export const won = (
  userId: string,
  from: number,
  to: number,
  slot: number | null,
  requestId = `${userId}-1`,
): ClaimCall => claim(userId, from, to, { kind: "accepted", requestId, slot, receipt: `${requestId}!`, repeat: false });
export const again = (userId: string, from: number, to: number, slot: number, requestId = `${userId}-1`): ClaimCall =>
  claim(userId, from, to, { kind: "accepted", requestId, slot, receipt: `${requestId}!`, repeat: true });
export const refused = (userId: string, from: number, to: number, code = "SOLD_OUT"): ClaimCall =>
  claim(userId, from, to, { kind: "refused", code });
export const lost = (userId: string, from: number): ClaimCall =>
  claim(userId, from, Number.POSITIVE_INFINITY, { kind: "unknown", why: "ECONNRESET" });

export const row = (userId: string, slot: number, { requestId = `${userId}-1`, epoch = 1 } = {}): HistoryRow => {
  return { userId, requestId, slot, revoked: false, epoch };
};
export const tombstone = (userId: string, requestId = `${userId}-1`): HistoryRow => {
  return { userId, requestId, slot: null, revoked: true, epoch: 1 };
};
export const issued = (userId: string, at: number, slot: number, requestId = `${userId}-1`): Told => {
  return { userId, at, requestId, word: "ISSUED", slot, reason: null };
};
export const failed = (userId: string, at: number, requestId = `${userId}-1`): Told => {
  return { userId, at, requestId, word: "FAILED", slot: null, reason: "SOLD_OUT" };
};
export const read = (userId: string, at: number, status: StatusRead["status"]): StatusRead => {
  return { userId, requestId: `${userId}-1`, invokedAt: at, answeredAt: at + 1, status, slot: null, reason: null };
};
export const alias = (userId: string, requestId: string, originalRequestId: string): HistoryAlias => ({
  userId,
  requestId,
  originalRequestId,
});

/** The two winners of most histories. */
export const ann = won("ann", 0, 10, 1);
export const bob = won("bob", 5, 15, 2);
export const both = [row("ann", 1), row("bob", 2)];

import { isResultCode, RESULTS } from "../../contracts/wire/result-codes.ts";
import type { ClaimCall, Facts, Fence, History, HistoryRow, Told } from "./history.ts";

/** An acceptance, and the claim that got it. */
export type Accepted = ClaimCall & { readonly answer: Extract<ClaimCall["answer"], { kind: "accepted" }> };

/** History and facts by user and request. */
export interface Known {
  /** In the order of their answers. */
  readonly acceptances: readonly Accepted[];
  /** The row that a request id leads to, through an alias if need be. */
  rowOf(requestId: string): HistoryRow | undefined;
  isAlias(requestId: string): boolean;
  /** What owners were told of a request, over a socket or when they asked. */
  wordsOn(requestId: string): readonly Told[];
  readonly words: readonly Told[];
  isRevoked(userId: string): boolean;
  /** The first fence at or after a moment. */
  fenceAfter(at: number): Fence | undefined;
}

/** Fences come from the database's clock, and are dated to the beginning of their transaction. */
export const CLOCK_TOLERANCE_MS = 100;

/** A refusal that wrote nothing anywhere. 5xx says only that the gateway does not know. */
export function isDefinite(code: string): boolean {
  return isResultCode(code) && RESULTS[code].status < 500;
}

/** Whether a claim may have taken another slot, as far as its client can tell. */
export function mayHaveWon({ answer }: ClaimCall): boolean {
  if (answer.kind === "accepted") return !answer.repeat;
  return answer.kind === "unknown" || !isDefinite(answer.code);
}

/** Whether the sale was fenced, for a row of this epoch, after the claim was sent: its slot may be another one since. */
export const isRebuilt = (claim: Accepted, row: HistoryRow, facts: Facts): boolean =>
  facts.fences.some(({ epoch, at }) => epoch <= row.epoch && at >= claim.invokedAt - CLOCK_TOLERANCE_MS);

export function indexed(history: History, facts: Facts): Known {
  const original = new Map(facts.aliases.map((alias) => [alias.requestId, alias.originalRequestId]));
  const rows = new Map(facts.rows.map((row) => [row.requestId, row]));
  const asked = history.statusReads.flatMap(({ answeredAt, userId, requestId, status, slot, reason }): Told[] =>
    status === "ISSUED" || status === "FAILED"
      ? [{ at: answeredAt, userId, requestId, word: status, slot, reason }]
      : [],
  );
  const words = [...history.told, ...asked];
  const wordsOn = Map.groupBy(words, ({ requestId }) => requestId);
  const revoked = new Set(history.revocations.map(({ userId }) => userId));
  const fences = facts.fences.toSorted((a, b) => a.at - b.at);
  return {
    acceptances: history.claims
      .filter((claim): claim is Accepted => claim.answer.kind === "accepted")
      .toSorted((a, b) => a.answeredAt - b.answeredAt),
    rowOf: (requestId) => rows.get(original.get(requestId) ?? requestId),
    isAlias: (requestId) => original.has(requestId),
    wordsOn: (requestId) => wordsOn.get(requestId) ?? [],
    words,
    isRevoked: (userId) => revoked.has(userId),
    fenceAfter: (at) => fences.find((fence) => fence.at >= at - CLOCK_TOLERANCE_MS),
  };
}

import type { Pipeline } from "../contracts/claims/pipeline.ts";
import { SCRIPT_REFUSALS, type ScriptRefusal } from "../contracts/claims/refusals.ts";
import type { RequestId, UserId } from "../contracts/wire/ids.ts";
import type { ClaimCode } from "../contracts/wire/result-codes.ts";

/** Claims that fit into one call of claim.lua (its header says why). */
export const MAX_CLAIMS = 1_000;

export interface ClaimRequest {
  readonly userId: UserId;
  readonly requestId: RequestId;
}

/** What claim.lua decided about one claim. ALREADY_WON has the original request, which may be this request, sent again. */
export type ClaimResult =
  | { readonly code: "ACCEPTED"; readonly slot: number; readonly requestId: RequestId; readonly ledgerId: string }
  | { readonly code: "ALREADY_WON"; readonly slot: number; readonly requestId: RequestId }
  | { readonly code: ScriptRefusal };

/** A sale's state as Redis stores it. NOT_STARTED, ENDED and sold out follow from the clock and the slots. */
export type StoredState = "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING";

/** The sale as it was right after the batch, and one result per claim in order. All zero when the sale is not loaded. */
export interface ClaimBatch {
  readonly epoch: number;
  readonly version: number;
  readonly state: StoredState;
  /** Milliseconds since 1970. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly total: number;
  /** Slots that can still be won. */
  readonly left: number;
  readonly results: readonly ClaimResult[];
}

/** One object per code: a refusal allocates nothing. */
const REFUSALS = Object.fromEntries(SCRIPT_REFUSALS.map((code) => [code, { code }])) as Readonly<
  Record<ScriptRefusal, ClaimResult>
>;

const HEADER = 7;

/** The result of a batch if Redis does not have the sale. */
export function notLoaded(count: number): ClaimBatch {
  return {
    epoch: 0,
    version: 0,
    state: "RECOVERING",
    startsAt: 0,
    endsAt: 0,
    total: 0,
    left: 0,
    results: new Array<ClaimResult>(count).fill(REFUSALS.NOT_LOADED),
  };
}

/** A claim's pipeline, or `again`: Redis granted it before a rebuild, so the sale's window does not refuse it. */
export type ClaimWord = Pipeline | "again";

/** userId, requestId, userId, requestId, …, and the word unless it is `kafka`, the default of claim.lua. */
export function claimArguments(claims: readonly ClaimRequest[], word: ClaimWord): string[] {
  const words: string[] = [];
  for (const claim of claims) words.push(claim.userId, claim.requestId);
  if (word !== "kafka") words.push(word);
  return words;
}

/** Parses the reply of claim.lua. @throws Error if it does not fit these claims */
export function parseClaimBatch(reply: string, claims: readonly ClaimRequest[]): ClaimBatch {
  const words = reply.split(" ");
  const results: ClaimResult[] = [];
  const forAll = words.length === HEADER + 1 ? REFUSALS[words[HEADER] as ScriptRefusal] : undefined;
  if (forAll !== undefined) {
    for (let i = 0; i < claims.length; i++) results.push(forAll);
  } else {
    let at = HEADER;
    for (const { requestId } of claims) {
      const code = words[at++] as ClaimCode | undefined;
      if (code === "ACCEPTED") {
        results.push({ code, slot: Number(words[at]), requestId, ledgerId: words[at + 1]! });
        at += 2;
      } else if (code === "ALREADY_WON") {
        results.push({ code, slot: Number(words[at]), requestId: words[at + 1] as RequestId });
        at += 2;
      } else {
        const refusal = REFUSALS[code as ScriptRefusal];
        if (refusal === undefined) throw new Error(`claim.lua answered ${code}`);
        results.push(refusal);
      }
    }
    if (at !== words.length) throw new Error("claim.lua answered about other claims");
  }
  return {
    epoch: Number(words[0]),
    version: Number(words[1]),
    state: words[2] as StoredState,
    startsAt: Number(words[3]),
    endsAt: Number(words[4]),
    total: Number(words[5]),
    left: Number(words[6]),
    results,
  };
}

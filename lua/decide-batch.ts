import { StampedeError } from "../contracts/wire/errors.ts";
import type { RequestId, UserId } from "../contracts/wire/ids.ts";
import { isResultCode, type ResultCode } from "../contracts/wire/result-codes.ts";
import type { StoredState } from "./claim-batch.ts";

/** Requests that fit into one call of decide.lua (unpack's stack ends at 8,000). */
export const MAX_DECISIONS = 1_000;

/** One request of a queued sale, as the log has it. */
export interface LoggedRequest {
  readonly userId: UserId;
  readonly requestId: RequestId;
  /** When the broker logged it, milliseconds since 1970; null: it was found to be in time before. */
  readonly loggedAt: number | null;
}

/**
 * What decide.lua decided about one request. won: the user holds a slot already, by `requestId` (which may be this
 * request, sent again). waiting: not decided, so no later request may be decided.
 */
export type Decided =
  | { readonly kind: "granted"; readonly slot: number; readonly ledgerId: string }
  | { readonly kind: "won"; readonly slot: number; readonly requestId: RequestId }
  | { readonly kind: "refused"; readonly reason: ResultCode }
  | { readonly kind: "waiting"; readonly why: "NOT_LOADED" | "PAUSED" | "OVERLOADED" };

export interface DecideBatch {
  /** 0: not loaded. */
  readonly epoch: number;
  readonly state: StoredState;
  /** One per request, in their order. */
  readonly decided: readonly Decided[];
}

const HEADER = 3;
const waiting = (why: "NOT_LOADED" | "PAUSED" | "OVERLOADED"): Decided => ({ kind: "waiting", why });

/** The result of a batch if Redis does not have the sale. */
export function notDecided(count: number): DecideBatch {
  return { epoch: 0, state: "RECOVERING", decided: new Array<Decided>(count).fill(waiting("NOT_LOADED")) };
}

/** userId, requestId, time, userId, … */
export function decideArguments(requests: readonly LoggedRequest[]): string[] {
  return requests.flatMap(({ userId, requestId, loggedAt }) => [
    userId,
    requestId,
    loggedAt === null ? "" : String(loggedAt),
  ]);
}

/** Parses the reply of decide.lua. @throws StampedeError INTERNAL if it does not fit the number of requests */
export function parseDecideBatch(reply: string, count: number): DecideBatch {
  const words = reply.split(" ");
  const sale = { epoch: Number(words[0]), state: words[1] as StoredState };
  const first = words[HEADER];
  if (words.length === HEADER + 1 && (first === "NOT_LOADED" || first === "PAUSED")) {
    return { ...sale, decided: new Array<Decided>(count).fill(waiting(first)) };
  }
  const decided: Decided[] = [];
  let at = HEADER;
  while (decided.length < count) {
    const code = words[at++] ?? "";
    if (code === "ACCEPTED") {
      decided.push({ kind: "granted", slot: Number(words[at]), ledgerId: words[at + 1]! });
      at += 2;
    } else if (code === "ALREADY_WON") {
      decided.push({ kind: "won", slot: Number(words[at]), requestId: words[at + 1] as RequestId });
      at += 2;
    } else if (code === "OVERLOADED") decided.push(waiting(code));
    else if (isResultCode(code)) decided.push({ kind: "refused", reason: code });
    else throw new StampedeError("INTERNAL", `decide.lua answered ${code}`);
  }
  if (at !== words.length) throw new StampedeError("INTERNAL", "decide.lua answered about other requests");
  return { ...sale, decided };
}

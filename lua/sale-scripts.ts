import { StampedeError } from "../contracts/wire/errors.ts";
import type { CouponId, RequestId } from "../contracts/wire/ids.ts";
import type { ResultCode } from "../contracts/wire/result-codes.ts";
import {
  type ClaimBatch,
  type ClaimRequest,
  type ClaimResult,
  type ClaimWord,
  claimArguments,
  MAX_CLAIMS,
  notLoaded,
  parseClaimBatch,
} from "./claim-batch.ts";
import {
  type DecideBatch,
  decideArguments,
  type LoggedRequest,
  MAX_DECISIONS,
  notDecided,
  parseDecideBatch,
} from "./decide-batch.ts";
import { FencedScripts } from "./fenced-scripts.ts";
import type { RedisConnection } from "./redis.ts";

/** Seconds that Redis keeps the outcomes of a sale's requests after the last one. PostgreSQL keeps them for ever. */
export const STATUS_TTL_S = 30 * 24 * 3600;
const MAX_ACKNOWLEDGED = 500;

export interface Release extends ClaimRequest {
  /**
   * The sale's epoch as the caller knows it: the claim's epoch if a claim is given up. For a win that was kept in a rebuild and
   * is revoked later, the sale's present epoch.
   */
  readonly epoch: number;
  /** Stored as `FAILED reason`. null: the status is not changed, because the claim will be decided again. */
  readonly reason: ResultCode | null;
  /** This ledger entry is removed too. Without it, the entry stays until the relay reads it. */
  readonly ledgerId?: string;
  /** The slot is never given out again, because another user holds it in PostgreSQL. Default false. */
  readonly discardSlot?: boolean;
}

export interface Acknowledgement {
  readonly ledgerId: string;
  readonly requestId: RequestId;
  readonly slot: number;
}

/** NOT_LOADED: some entries may have been removed; the relay or a redelivery repeats the others. */
export interface Acknowledged {
  readonly code: "ACKNOWLEDGED" | "NOT_LOADED";
  /** Claims that were given up meanwhile. If their owners were told ISSUED, they must be told FAILED. */
  readonly failed: ReadonlyMap<RequestId, ResultCode>;
}

export interface Replacement extends ClaimRequest {
  /** The older request that PostgreSQL holds for this user, and its slot. */
  readonly keptRequestId: RequestId;
  readonly keptSlot: number;
  /** Whether the slot of `requestId` is given out again: only if no user holds it in PostgreSQL. */
  readonly freeSlot: boolean;
}

/** The result of a resize. CONFLICT: a user has a slot above the new total; `smallestTotal` is possible. */
export type Resized =
  | { readonly code: "CHANGED" | "UNCHANGED" | "NOT_LOADED" }
  | { readonly code: "CONFLICT"; readonly smallestTotal: number };

/**
 * A sale's scripts, for all processes except its loader. Nothing here loads a script: NOT_LOADED means that Redis lost the
 * sale (or never had it), and only the loader may load it. All methods reject with StampedeError REDIS_UNAVAILABLE if Redis
 * does not answer. The outcome is then unknown, and every call may be repeated unchanged.
 */
export interface SaleScripts {
  /** Decides claims in order; results are in the same order. `word`: default `kafka`. */
  claim(couponId: CouponId, claims: readonly ClaimRequest[], word?: ClaimWord): Promise<ClaimBatch>;
  /** Decides at most MAX_DECISIONS requests of a queued sale, in the log's order. */
  decide(couponId: CouponId, requests: readonly LoggedRequest[]): Promise<DecideBatch>;
  /** Only after the claim's tombstone is committed, or with `discardSlot`. */
  release(couponId: CouponId, release: Release): Promise<"RELEASED" | "NOT_HELD" | "STALE_EPOCH" | "NOT_LOADED">;
  /** Only after the claims are committed in PostgreSQL. */
  acknowledge(couponId: CouponId, entries: readonly Acknowledgement[]): Promise<Acknowledged>;
  /** `window` in milliseconds since 1970. */
  setState(
    couponId: CouponId,
    state: "OPEN" | "PAUSED" | "CLOSED",
    window?: { readonly startsAt: number; readonly endsAt: number },
  ): Promise<"CHANGED" | "UNCHANGED" | "NOT_LOADED">;
  /** `highestSlot`: the highest that PostgreSQL holds, 0 for none. A larger total only after PostgreSQL has committed it. */
  resize(couponId: CouponId, total: number, highestSlot: number): Promise<Resized>;
  /** To be called when the loader announces that it swapped the sale's scripts (`SaleAnnouncement.scripts`). */
  forget(couponId: CouponId): void;
  /** For an alias: PostgreSQL has an older claim of this user. */
  replaceWinner(couponId: CouponId, replacement: Replacement): Promise<"CHANGED" | "NOT_HELD" | "NOT_LOADED">;
}

/** All methods may be passed on as functions. */
export function createSaleScripts(redis: RedisConnection): SaleScripts {
  const scripts = new FencedScripts(redis);
  return {
    claim(couponId, claims, word = "kafka") {
      const fits = claims.length > 0 && claims.length <= MAX_CLAIMS;
      return fits ? claimOnce(scripts, couponId, claims, word) : claimInParts(scripts, couponId, claims, word);
    },

    async decide(couponId, requests) {
      if (requests.length === 0 || requests.length > MAX_DECISIONS) {
        throw new StampedeError("INTERNAL", `${requests.length} requests in one call`);
      }
      const args = [String(STATUS_TTL_S), ...decideArguments(requests)];
      const reply = await scripts.run(couponId, "shaDecide", args);
      return reply === null ? notDecided(requests.length) : parseDecideBatch(reply, requests.length);
    },

    async release(couponId, { userId, requestId, epoch, reason, ledgerId, discardSlot }) {
      const fate = discardSlot ? "DISCARD" : "FREE";
      const args = [userId, requestId, String(epoch), fate, reason ?? "", ledgerId ?? "", String(STATUS_TTL_S)];
      return ((await scripts.run(couponId, "shaRelease", args)) ?? "NOT_LOADED") as "RELEASED";
    },

    acknowledge: (couponId, entries) => acknowledge(scripts, couponId, entries),

    async setState(couponId, state, window) {
      const args = [state, window ? String(window.startsAt) : "", window ? String(window.endsAt) : ""];
      return ((await scripts.run(couponId, "shaState", args)) ?? "NOT_LOADED") as "CHANGED";
    },

    async resize(couponId, total, highestSlot) {
      const reply = (await scripts.run(couponId, "shaResize", [String(total), String(highestSlot)])) ?? "NOT_LOADED";
      const [code, smallest] = reply.split(" ");
      if (code === "CONFLICT") return { code, smallestTotal: Number(smallest) };
      return { code: code as "CHANGED" };
    },

    forget: (couponId) => scripts.forget(couponId),

    async replaceWinner(couponId, { userId, requestId, keptRequestId, keptSlot, freeSlot }) {
      const args = [userId, requestId, keptRequestId, String(keptSlot), freeSlot ? "FREE" : "DISCARD"];
      return ((await scripts.run(couponId, "shaReplace", args)) ?? "NOT_LOADED") as "CHANGED";
    },
  };
}

function claimOnce(
  scripts: FencedScripts,
  couponId: CouponId,
  claims: readonly ClaimRequest[],
  word: ClaimWord,
): Promise<ClaimBatch> {
  return scripts
    .run(couponId, "shaClaim", claimArguments(claims, word))
    .then((reply) => (reply === null ? notLoaded(claims.length) : parseClaimBatch(reply, claims)));
}

async function claimInParts(
  scripts: FencedScripts,
  couponId: CouponId,
  claims: readonly ClaimRequest[],
  word: ClaimWord,
): Promise<ClaimBatch> {
  const results: ClaimResult[] = [];
  let last = notLoaded(0);
  for (let at = 0; at < claims.length; at += MAX_CLAIMS) {
    last = await claimOnce(scripts, couponId, claims.slice(at, at + MAX_CLAIMS), word);
    results.push(...last.results);
  }
  return { ...last, results };
}

async function acknowledge(
  scripts: FencedScripts,
  couponId: CouponId,
  entries: readonly Acknowledgement[],
): Promise<Acknowledged> {
  const failed = new Map<RequestId, ResultCode>();
  for (let at = 0; at < entries.length; at += MAX_ACKNOWLEDGED) {
    const args = [String(STATUS_TTL_S)];
    for (const { ledgerId, requestId, slot } of entries.slice(at, at + MAX_ACKNOWLEDGED)) {
      args.push(ledgerId, requestId, String(slot));
    }
    const [code, ...words] = ((await scripts.run(couponId, "shaAck", args)) ?? "NOT_LOADED").split(" ");
    if (code !== "ACKNOWLEDGED") return { code: "NOT_LOADED", failed };
    for (let i = 0; i < words.length; i += 2) failed.set(words[i] as RequestId, words[i + 1] as ResultCode);
  }
  return { code: "ACKNOWLEDGED", failed };
}

/** A message of the channel `sales`. Order by epoch, then by version: a rebuild may restart the versions. */
export interface SaleAnnouncement {
  readonly couponId: CouponId;
  readonly epoch: number;
  readonly version: number;
  readonly state: "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING";
  readonly soldOut: boolean;
  /** The sale has other scripts now: readers that cache their SHAs read them again. */
  readonly scripts?: true;
}

/** @throws SyntaxError if the text is not JSON */
export function parseAnnouncement(text: string): SaleAnnouncement {
  return JSON.parse(text) as SaleAnnouncement;
}

import type { CouponId, RequestId } from "../../../contracts/wire/ids.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import { MAX_DECISIONS } from "../../../lua/decide-batch.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import type { Request } from "./request.ts";

export interface DecidedRefusal {
  readonly request: Request;
  readonly reason: ResultCode;
  /** PostgreSQL has it already; it is only told again. */
  readonly known?: true;
}

/** What Redis made of a sale's requests. Every request is in exactly one of the lists, in the order of the log. */
export interface Decisions {
  readonly granted: readonly GrantedClaim[];
  /** Further requests of users who hold a coupon by an earlier one. */
  readonly second: readonly { readonly request: Request; readonly slot: number; readonly original: RequestId }[];
  readonly refused: readonly DecidedRefusal[];
  /** From the first one that could not be decided on. */
  readonly waiting: readonly Request[];
  /** Why they wait; NOT_LOADED may also mean that there is no such sale. */
  readonly why: "NOT_LOADED" | "PAUSED" | "OVERLOADED" | null;
}

/** A valid stream id that no entry has: a repeated grant does not know its ledger entry, and the relay clears that one up. */
const UNKNOWN_LEDGER_ID = "0-0";

/**
 * Sends one sale's requests through decide.lua, in order, and stops at the first that has to wait.
 * @throws StampedeError REDIS_UNAVAILABLE, OVERLOADED; repeating all of it repeats every decision
 */
export async function decideSale(
  scripts: Pick<SaleScripts, "decide">,
  couponId: CouponId,
  requests: readonly Request[],
): Promise<Decisions> {
  const granted: GrantedClaim[] = [];
  const second: { request: Request; slot: number; original: RequestId }[] = [];
  const refused: DecidedRefusal[] = [];
  for (let at = 0; at < requests.length; at += MAX_DECISIONS) {
    const part = requests.slice(at, at + MAX_DECISIONS);
    const { epoch, decided } = await scripts.decide(couponId, part);
    for (const [i, request] of part.entries()) {
      const { userId, requestId } = request;
      const one = decided[i]!;
      if (one.kind === "waiting") return { granted, second, refused, waiting: requests.slice(at + i), why: one.why };
      if (one.kind === "refused") refused.push({ request, reason: one.reason });
      else if (one.kind === "granted") {
        granted.push({ couponId, userId, requestId, slot: one.slot, epoch, ledgerId: one.ledgerId });
      } else if (one.requestId === requestId) {
        granted.push({ couponId, userId, requestId, slot: one.slot, epoch, ledgerId: UNKNOWN_LEDGER_ID });
      } else second.push({ request, slot: one.slot, original: one.requestId });
    }
  }
  return { granted, second, refused, waiting: [], why: null };
}

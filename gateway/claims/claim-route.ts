import { Type } from "@sinclair/typebox";
import { ClaimAccepted, ClaimPending } from "../../contracts/claims/http.ts";
import { TOLD_REFUSALS } from "../../contracts/claims/refusals.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, isCouponId, type UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { readTraceparent } from "../../contracts/wire/traceparent.ts";
import { retryAfterS } from "../admission/refused.ts";
import { bearerToken } from "../auth/bearer.ts";
import { claimedSubject } from "../auth/claimed-subject.ts";
import type { Identity } from "../auth/identity.ts";
import type { Door } from "../http/door.ts";
import { type Endpoint, rawEndpoint } from "../http/endpoint.ts";
import { checkParameters } from "../http/page.ts";
import { json, problem, problemOf } from "../http/problem.ts";
import { newHttpRequestId } from "../http/request-id.ts";
import type { Board, GateRefusal } from "../sales/board.ts";
import type { HttpRequest, HttpResponse } from "../transports/transport.ts";
import type { ClaimForUser, ClaimReply } from "./claim.ts";

/** What the metrics count; one call per answered claim. */
export type CountClaim = (code: string, from: "gate" | "redis") => void;

function answer(reply: ClaimReply, count: CountClaim): HttpResponse {
  if (reply.kind === "accepted") {
    const { status } = reply.body;
    if (status === "PENDING") {
      count(status, "redis");
      return json(202, reply.body);
    }
    const { repeat } = reply.body;
    count(repeat ? "ALREADY_WON" : "ACCEPTED", "redis");
    return json(repeat ? 200 : 202, reply.body);
  }
  count(reply.code, "redis");
  const { code, detail, retryAfterS, extra } = reply;
  return problem(code, detail === undefined && retryAfterS === undefined ? undefined : { detail, retryAfterS, extra });
}

const NO_PARAMETERS: readonly string[] = [];

/** A claim needs no body. A body that is sent must be a JSON object; otherwise the client made a mistake. */
async function bodyIsFine(request: HttpRequest): Promise<HttpResponse | undefined> {
  const bytes = await request.body();
  if (bytes.length === 0) return undefined;
  try {
    const body: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return undefined;
    return problem("VALIDATION_FAILED", { detail: "The body of a claim is empty or a JSON object" });
  } catch {
    return problem("INVALID_JSON"); // not UTF-8 or not JSON; the parser's message would not help
  }
}

export interface ClaimDoor {
  readonly board: Board;
  readonly claimForUser: ClaimForUser;
  readonly countClaim: CountClaim;
}

/** What claims use of the door of all endpoints. */
type ClaimSharedDoor = Pick<Door, "authenticate" | "claimWait" | "security" | "addressOf">;

/** A claim whose coupon id is valid. Its headers are read at once, because a request has none after the first await. */
interface AskedClaim {
  readonly request: HttpRequest;
  readonly couponId: CouponId;
  readonly traceparent: string | undefined;
  readonly hasBody: boolean;
  /** The gate's answer, which those get who prove no win. */
  readonly refusal: GateRefusal | undefined;
  readonly door: ClaimSharedDoor;
}

async function claim(
  { claimForUser, countClaim }: ClaimDoor,
  asked: AskedClaim,
  userId: UserId,
): Promise<HttpResponse> {
  if (asked.hasBody) {
    const wrong = await bodyIsFine(asked.request);
    if (wrong !== undefined) return wrong;
  }
  const reply = await claimForUser(userId, asked.couponId, asked.traceparent);
  if (reply.kind === "refused" && reply.code === "RATE_LIMITED") noteUser(asked, userId);
  return answer(reply, countClaim);
}

/** The token was verified. Query parameters are checked not earlier: at a closed gate, a different answer for a possible winner
 * would reveal that this user has won. */
function claimAs(door: ClaimDoor, asked: AskedClaim, { userId, isCustomer }: Identity) {
  if (!isCustomer) {
    return refuseToken(door, asked, new StampedeError("FORBIDDEN", "An operator's token is not a customer's"));
  }
  checkParameters(asked.request.query, NO_PARAMETERS);
  return claim(door, asked, userId);
}

function refuseToken({ countClaim }: ClaimDoor, asked: AskedClaim, error: unknown): HttpResponse {
  if (asked.refusal !== undefined) return refuseAtGate(asked.refusal, countClaim);
  const requestId = newHttpRequestId();
  if (error instanceof StampedeError) note(asked, error.code, requestId);
  return problemOf(error, requestId);
}

/** Tells the security log of a refusal; never of one by a gate, which must cost nothing. */
function note({ door, request }: Pick<AskedClaim, "door" | "request">, code: ResultCode, requestId: string): void {
  door.security.refused(code, () => ({ operation: "claimCoupon", address: door.addressOf(request), requestId }));
}

function refuseAtGate({ code }: GateRefusal, count: CountClaim): HttpResponse {
  count(code, "gate");
  return problem(code);
}

/** The user has no tokens left. The address cannot be read any more: it is after the first await. */
function noteUser({ door }: AskedClaim, user: UserId): void {
  door.security.refused("RATE_LIMITED", () => ({ operation: "claimCoupon", address: "", user }));
}

/** The address has no tokens left. At a closed gate the gate's answer: another one would reveal that this user may have won. */
function refuseAddress({ countClaim }: ClaimDoor, asked: Omit<AskedClaim, "hasBody" | "traceparent">, waitMs: number) {
  if (asked.refusal !== undefined) return refuseAtGate(asked.refusal, countClaim);
  countClaim("RATE_LIMITED", "gate");
  const requestId = newHttpRequestId();
  note(asked, "RATE_LIMITED", requestId);
  return problem("RATE_LIMITED", { retryAfterS: retryAfterS(waitMs), requestId });
}

function refuseAnonymous(asked: Pick<AskedClaim, "door" | "request">): HttpResponse {
  const requestId = newHttpRequestId();
  note(asked, "UNAUTHENTICATED", requestId);
  return problem("UNAUTHENTICATED", { detail: "Send `Authorization: Bearer <token>`", requestId });
}

/**
 * The gate first: while a sale is known to be sold out, paused or closed, the answer comes from memory, without touching
 * signature, body or Redis. A token whose unverified subject may be among the winners continues, so a winner always gets their
 * win. If that token fails verification, it gets the gate's answer as well: a 401 here would reveal whether the user named in a
 * forged token has won.
 */
function claimAtDoor(
  door: ClaimDoor,
  request: HttpRequest,
  shared: ClaimSharedDoor,
): HttpResponse | Promise<HttpResponse> {
  const { board, countClaim } = door;
  const couponId = request.params.couponId!;
  if (!isCouponId(couponId)) return problem("COUPON_NOT_FOUND");
  const token = bearerToken(request.header("authorization"));
  const refusal = board.gate(couponId, performance.now());
  if (refusal !== undefined) {
    const subject = token === undefined ? undefined : claimedSubject(token);
    if (subject === undefined || !refusal.unlessWon.has(subject)) return refuseAtGate(refusal, countClaim);
  }
  if (token === undefined) return refuseAnonymous({ door: shared, request });
  const wait = shared.claimWait(request);
  if (wait > 0) return refuseAddress(door, { door: shared, request, couponId, refusal }, wait);
  const length = request.header("content-length");
  const asked: AskedClaim = {
    request,
    couponId,
    traceparent: readTraceparent(request.header("traceparent")),
    hasBody: (length !== undefined && length !== "0") || request.header("transfer-encoding") !== undefined,
    refusal,
    door: shared,
  };
  let identity: Identity | Promise<Identity>;
  try {
    identity = shared.authenticate(token);
  } catch (error) {
    return refuseToken(door, asked, error);
  }
  // A promise only for tokens of another algorithm than HS256 that come for the first time.
  return identity instanceof Promise
    ? identity.then(
        (who) => claimAs(door, asked, who),
        (error) => refuseToken(door, asked, error),
      )
    : claimAs(door, asked, identity);
}

/** POST /coupons/:couponId/issue, also under the path that older clients use. */
export function claimEndpoints(door: ClaimDoor): Endpoint[] {
  const declared = (path: string, operationId: string, summary: string): Endpoint =>
    rawEndpoint(
      {
        method: "POST",
        path,
        operationId,
        summary,
        tag: "claims",
        audience: "public",
        caller: "user",
        cost: "claim",
        body: "none", // read by the handler: none is needed
        idempotency: "natural",
        cache: "no-store",
        audit: false,
        answers: { 202: Type.Union([ClaimAccepted, ClaimPending]), 200: ClaimAccepted },
        meanings: { 200: "The same user's earlier win, with `repeat: true`" },
        refusals: [...TOLD_REFUSALS, "INVALID_JSON", "BODY_TOO_LARGE"],
      },
      (request, shared) => claimAtDoor(door, request, shared),
    );
  return [
    declared("/coupons/:couponId/issue", "claimCoupon", "Claim one coupon of a sale"),
    declared("/coupons/:couponId/issue-async", "claimCouponAsync", "The same, under the path that older clients use"),
  ];
}

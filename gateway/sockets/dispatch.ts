import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import { type CouponId, isCouponId, type UserId } from "../../contracts/wire/ids.ts";
import { CLOSE, type ClientMessage } from "../../contracts/wire/socket-messages.ts";
import type { ClaimForUser } from "../claims/claim.ts";
import type { CatchingUp } from "./catching-up.ts";
import { reply } from "./delivery.ts";
import type { createMessageRate } from "./limits.ts";
import { parseClientMessage } from "./messages.ts";
import { claimText, errorText, failureText, isTold, pongText } from "./replies.ts";
import type { SaleTopics } from "./sale-topics.ts";
import type { TokenCheck } from "./token-check.ts";
import type { ClientSocket } from "./user-socket.ts";

export interface DispatchParts {
  readonly tokens: Pick<TokenCheck, "auth" | "afterwards">;
  readonly claimForUser: ClaimForUser;
  /** A refusal from memory, as the HTTP route's gate gives it; undefined: ask Redis. */
  readonly gate: (couponId: CouponId, userId: UserId) => ClaimRefusal | undefined;
  readonly catchingUp: Pick<CatchingUp, "resume" | "ifBehind">;
  readonly topics: SaleTopics;
  readonly rate: ReturnType<typeof createMessageRate>;
  readonly maxInFlight: number;
  readonly onError: (error: unknown) => void;
}

/** Answers the clients' messages. */
export function createDispatch(parts: DispatchParts) {
  const { tokens, claimForUser, gate, catchingUp, topics, rate, maxInFlight, onError } = parts;

  /** Bun runs the handlers of one socket concurrently and continues to read, so the messages in flight are limited here. */
  function start(socket: ClientSocket, ref: string | undefined, work: () => Promise<void>): void {
    const connection = socket.data;
    if (connection.inFlight >= maxInFlight) {
      reply(socket, errorText("OVERLOADED", `At most ${maxInFlight} messages of a socket at once`, ref));
      return;
    }
    connection.inFlight++;
    work()
      .catch((error) => {
        if (!isTold(error)) onError(error);
        reply(socket, failureText(error, ref));
      })
      .finally(() => connection.inFlight--);
  }

  async function claim(socket: ClientSocket, userId: UserId, couponId: string, ref: string | undefined): Promise<void> {
    // Followed before the decision: this claim itself may take the last slot and cause the "sold out" announcement.
    const isNew = isCouponId(couponId) && topics.follow(socket, couponId);
    const answer = await claimForUser(userId, couponId);
    if (isNew && answer.kind === "refused" && answer.code === "COUPON_NOT_FOUND") topics.unfollow(socket, couponId);
    if (answer.kind === "refused" && answer.code === "NOT_STARTED") topics.expectOpening(couponId as CouponId);
    reply(socket, claimText(couponId, answer, ref));
  }

  function handle(socket: ClientSocket, message: ClientMessage): void {
    if (message.type === "auth") {
      tokens.auth(socket, message.token);
      return;
    }
    const { userId } = socket.data;
    const ref = "ref" in message ? message.ref : undefined;
    if (userId === null) {
      reply(socket, errorText("UNAUTHENTICATED", "Send `auth` first", ref));
      return;
    }
    if (!socket.data.hasSpoken) firstWord(socket, message.type);
    switch (message.type) {
      case "ping":
        reply(socket, pongText(ref));
        break;
      case "resume":
        start(socket, ref, () => catchingUp.resume(socket, message.cursor ?? null));
        break;
      case "subscribe":
        start(socket, ref, () => topics.subscribe(socket, message.couponId, ref));
        break;
      case "claim": {
        const { couponId } = message;
        const isPossible = isCouponId(couponId);
        const code = isPossible ? gate(couponId, userId) : "COUPON_NOT_FOUND";
        if (code === undefined) start(socket, ref, () => claim(socket, userId, couponId, ref));
        else {
          if (isPossible) topics.follow(socket, couponId); // paused or sold out now: it may open again
          reply(socket, claimText(couponId, { kind: "refused", code }, ref));
        }
      }
    }
  }

  /** A client whose first message is not `resume` will not resume, so new messages need not wait any longer. */
  function firstWord(socket: ClientSocket, type: ClientMessage["type"]): void {
    const connection = socket.data;
    connection.hasSpoken = true;
    connection.graceUntil = 0;
    if (type === "resume") return;
    connection.welcomedAt = null;
    catchingUp.ifBehind(socket);
  }

  return (socket: ClientSocket, message: string | Uint8Array): void => {
    if (typeof message !== "string") {
      reply(socket, errorText("MESSAGE_INVALID", "Messages are text"));
      socket.close(CLOSE.UNSUPPORTED_DATA, "Messages are text");
      return;
    }
    const verdict = rate(socket.data, performance.now());
    if (verdict !== "ok") {
      reply(socket, errorText("RATE_LIMITED"));
      if (verdict === "abuse") socket.close(CLOSE.POLICY, "Too many messages");
      return;
    }
    const parsed = parseClientMessage(message);
    if ("invalid" in parsed) reply(socket, errorText("MESSAGE_INVALID", parsed.invalid, parsed.ref));
    else if (socket.data.verifying === null) handle(socket, parsed.message);
    else tokens.afterwards(socket, socket.data.verifying, () => handle(socket, parsed.message));
  };
}

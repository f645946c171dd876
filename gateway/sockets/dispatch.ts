import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import { type CouponId, isCouponId, type UserId } from "../../contracts/wire/ids.ts";
import { CLOSE, type ClientMessage } from "../../contracts/wire/socket-messages.ts";
import { ADDRESS_TOKENS, SOCKET_TOKENS } from "../admission/costs.ts";
import type { LimitKind } from "../admission/refusal-log.ts";
import { retryAfterS } from "../admission/refused.ts";
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
  /** Called when a socket follows a sale: it may stay without a user. */
  readonly watches: (socket: ClientSocket) => void;
  readonly spend: SpendTokens;
  /** A limit refused something. */
  readonly refused: (kind: LimitKind) => void;
  readonly onError: (error: unknown) => void;
}

/** Takes tokens of an address, and of its user if known. @returns 0: taken; otherwise the milliseconds to wait */
export type SpendTokens = (userId: UserId | null, address: string, tokens: number) => number;

/** Characters of a message before authentication: a token has at most 4,096, and such a message contains nothing else. */
const FIRST_MESSAGE_CHARS = 4_096 + 256;

/** Answers the clients' messages. */
export class Dispatch {
  constructor(private readonly parts: DispatchParts) {}

  message(socket: ClientSocket, message: string | Uint8Array): void {
    if (typeof message !== "string") {
      reply(socket, errorText("MESSAGE_INVALID", "Messages are text"));
      socket.close(CLOSE.UNSUPPORTED_DATA, "Messages are text");
      return;
    }
    const verdict = this.parts.rate(socket.data, performance.now());
    if (verdict !== "ok") {
      this.parts.refused("messages");
      reply(socket, errorText("RATE_LIMITED"));
      if (verdict === "abuse") socket.close(CLOSE.POLICY, "Too many messages");
      return;
    }
    const { userId, verifying } = socket.data;
    const isKnown = userId !== null || verifying !== null;
    if (!isKnown && message.length > FIRST_MESSAGE_CHARS) {
      reply(socket, errorText("MESSAGE_TOO_LARGE"));
      socket.close(CLOSE.TOO_BIG, "Send `auth` first");
      return;
    }
    const parsed = parseClientMessage(message);
    if ("message" in parsed) {
      if (verifying === null) this.#handle(socket, parsed.message);
      else this.parts.tokens.afterwards(socket, verifying, () => this.#handle(socket, parsed.message));
    } else if (isKnown) reply(socket, errorText("MESSAGE_INVALID", parsed.invalid, parsed.ref));
    else this.#early(socket, "MESSAGE_INVALID", parsed.invalid, parsed.ref);
  }

  #handle(socket: ClientSocket, message: ClientMessage): void {
    if (message.type === "auth") {
      if (this.#mayAsk(socket, SOCKET_TOKENS.auth, undefined)) this.parts.tokens.auth(socket, message.token);
      return;
    }
    const { userId } = socket.data;
    const ref = "ref" in message ? message.ref : undefined;
    if (userId === null && message.type === "subscribe") {
      this.#subscribe(socket, message.couponId, ref);
      return;
    }
    if (userId === null) {
      this.#early(socket, "UNAUTHENTICATED", "Send `auth` first", ref);
      return;
    }
    if (!socket.data.hasSpoken) this.#firstWord(socket, message.type);
    const { catchingUp } = this.parts;
    switch (message.type) {
      case "ping":
        reply(socket, pongText(ref));
        break;
      case "resume":
        if (!this.#mayAsk(socket, SOCKET_TOKENS.resume, ref)) break;
        this.#start(socket, ref, () => catchingUp.resume(socket, message.cursor ?? null));
        break;
      case "subscribe":
        this.#subscribe(socket, message.couponId, ref);
        break;
      case "claim":
        this.#claim(socket, userId, message.couponId, ref);
    }
  }

  /** Bun runs the handlers of one socket concurrently and continues to read, so the messages in flight are limited here. */
  #start(socket: ClientSocket, ref: string | undefined, work: () => Promise<void>): void {
    const { maxInFlight, onError } = this.parts;
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

  /** @returns whether the tokens were taken; otherwise the client is told */
  #mayAsk(socket: ClientSocket, tokens: number, ref: string | undefined): boolean {
    const wait = this.parts.spend(socket.data.userId, socket.data.address, tokens);
    if (wait > 0) reply(socket, errorText("RATE_LIMITED", `Again in ${retryAfterS(wait)} s`, ref));
    return wait === 0;
  }

  /** Something else than `auth` before authentication: the client is told, and the second time its socket ends. */
  #early(
    socket: ClientSocket,
    code: "UNAUTHENTICATED" | "MESSAGE_INVALID",
    detail: string,
    ref: string | undefined,
  ): void {
    reply(socket, errorText(code, detail, ref));
    if (socket.data.isWarned) socket.close(CLOSE.POLICY, "Send `auth` first");
    socket.data.isWarned = true;
  }

  /** Needs no user: it tells what everybody may know, and its tokens are the address's. */
  #subscribe(socket: ClientSocket, couponId: string, ref: string | undefined): void {
    if (!this.#mayAsk(socket, SOCKET_TOKENS.subscribe, ref)) return;
    const { topics, watches } = this.parts;
    this.#start(socket, ref, async () => {
      if (await topics.subscribe(socket, couponId, ref)) watches(socket);
    });
  }

  /** From memory if the gate is closed; then nothing is spent. */
  #claim(socket: ClientSocket, userId: UserId, couponId: string, ref: string | undefined): void {
    const { gate, topics, spend } = this.parts;
    const isPossible = isCouponId(couponId);
    const code = isPossible ? gate(couponId, userId) : "COUPON_NOT_FOUND";
    if (code !== undefined) {
      if (isPossible) topics.follow(socket, couponId); // paused or sold out now: it may open again
      reply(socket, claimText(couponId, { kind: "refused", code }, ref));
      return;
    }
    const wait = spend(null, socket.data.address, ADDRESS_TOKENS.claim); // the claim itself takes the user's
    if (wait === 0) {
      this.#start(socket, ref, () => this.#askForCoupon(socket, userId, couponId, ref));
      return;
    }
    const refusal = { kind: "refused", code: "RATE_LIMITED", retryAfterS: retryAfterS(wait) } as const;
    reply(socket, claimText(couponId, refusal, ref));
  }

  async #askForCoupon(socket: ClientSocket, userId: UserId, couponId: string, ref: string | undefined): Promise<void> {
    const { claimForUser, topics } = this.parts;
    // Followed before the decision: this claim itself may take the last slot and cause the "sold out" announcement.
    const isNew = isCouponId(couponId) && topics.follow(socket, couponId);
    const answer = await claimForUser(userId, couponId);
    if (isNew && answer.kind === "refused" && answer.code === "COUPON_NOT_FOUND") topics.unfollow(socket, couponId);
    if (answer.kind === "refused" && answer.code === "NOT_STARTED") topics.expectOpening(couponId as CouponId);
    reply(socket, claimText(couponId, answer, ref));
  }

  /** A client whose first message is not `resume` will not resume, so new messages need not wait any longer. */
  #firstWord(socket: ClientSocket, type: ClientMessage["type"]): void {
    const connection = socket.data;
    connection.hasSpoken = true;
    connection.graceUntil = 0;
    if (type === "resume") return;
    connection.welcomedAt = null;
    this.parts.catchingUp.ifBehind(socket);
  }
}

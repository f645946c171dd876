import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import type { Inbox } from "../../lua/inbox.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { Routes } from "../../lua/routes.ts";
import type { LimitKind } from "../admission/refusal-log.ts";
import type { Blocked } from "../auth/authenticate.ts";
import type { Authenticate, Identity } from "../auth/identity.ts";
import type { ClaimForUser } from "../claims/claim.ts";
import { problem } from "../http/problem.ts";
import type { HttpRequest, SocketRoute } from "../transports/transport.ts";
import { type CatchingUp, createCatchingUp } from "./catching-up.ts";
import { push, reply } from "./delivery.ts";
import { Dispatch, type DispatchParts, type SpendTokens } from "./dispatch.ts";
import { InboxReading, type ReadingParts } from "./inbox-reading.ts";
import { createMessageRate, type SocketLimits } from "./limits.ts";
import { createLostRouteCheck } from "./lost-routes.ts";
import { type DeliverMessages, listenForPushes } from "./push.ts";
import { Registry } from "./registry.ts";
import { errorText } from "./replies.ts";
import { createRouting } from "./routing.ts";
import type { SaleStartsParts } from "./sale-starts.ts";
import { createSaleTopics, type SaleTopicsSources } from "./sale-topics.ts";
import { SendBuffers } from "./send-buffers.ts";
import { startSocketTimer } from "./socket-timer.ts";
import { TokenCheck } from "./token-check.ts";
import { checkUpgrade, refuseUpgrade } from "./upgrade.ts";
import { type ClientSocket, UserSocket } from "./user-socket.ts";

export interface SocketRoomDeps {
  readonly authenticate: Authenticate;
  readonly claimForUser: ClaimForUser;
  /** A refusal from memory for this user, as the HTTP route's gate gives it. Left out: Redis is asked every time. */
  readonly gate?: (couponId: CouponId, userId: UserId) => ClaimRefusal | undefined;
  readonly inbox: Pick<Inbox, "read" | "positionAt">;
  readonly routes: Pick<Routes, "add" | "remove" | "touch" | "has">;
  readonly listCoupons: ReadingParts["listCoupons"];
  readonly listOrders: ReadingParts["listOrders"];
  readonly viewSale: SaleStartsParts["viewSale"];
  readonly saleTime: SaleStartsParts["saleTime"];
  /** The sale as visitors see it, at most so many milliseconds old. */
  readonly currentSale: SaleTopicsSources["currentSale"];
  /** The clock that decides claims, milliseconds since 1970. */
  readonly now: () => number;
  /** Names this process in the routes and its channel. */
  readonly gatewayId: string;
  /** A connection that may SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  /** Takes tokens of an address and its user. Left out: no limit. */
  readonly spend?: SpendTokens;
  /** A limit refused something, or cut a socket. */
  readonly refused?: (kind: LimitKind) => void;
  /** A token or an origin was refused. */
  readonly unsafe?: (code: string, address: string) => void;
  /** The address of a request's client. Left out: the peer's. */
  readonly addressOf?: (request: HttpRequest) => string;
  /** The transport's: to all sockets of this process that follow the topic. */
  readonly publish: (topic: string, text: string) => number;
  readonly onError: (error: unknown) => void;
}

export interface SocketRoom {
  readonly route: SocketRoute<UserSocket>;
  /** Delivers personal messages to a user's sockets on this gateway. */
  readonly deliver: DeliverMessages;
  /** Sends a message to all sockets that follow the sale. */
  saleChanged(couponId: CouponId, change: "opened" | "soldout"): void;
  /** Closes the sockets of blocked users and tokens. */
  closeBlocked(blocked: Blocked): void;
  /** Something of the sale was announced: sockets that subscribed to it are told soon. */
  saleAnnounced(couponId: CouponId): void;
  /** Open sockets. */
  size(): number;
  /** Closes all sockets, spread over time, so that they reconnect elsewhere. Resolves when they and their routes are gone. */
  closeAll(): Promise<void>;
}

const BUFFERED_BYTES = 64 * 1_024 * 1_024;

/** Sockets closed per slice, and the pause between slices: 10,000 take half a second, and so do their reconnects. */
const SLICE = 200;
const SLICE_PAUSE_MS = 10;
/** Routes of closed sockets are removed in the background; this is how long a stop waits for Redis. */
const LEAVE_MS = 1000;

function refuse(socket: ClientSocket, detail: string): void {
  reply(socket, errorText("TOO_MANY_SOCKETS", detail));
  socket.close(CLOSE.TOO_MANY_SOCKETS, detail);
}

/** A broadcast that tells what it may have queued. */
function countedPublish(publish: SocketRoomDeps["publish"], buffers: SendBuffers): SocketRoomDeps["publish"] {
  return (topic, text) => {
    const followers = publish(topic, text);
    buffers.mayQueue(followers * text.length);
    return followers;
  };
}

/** 10,000 sockets: 0.5 ms, after each change of a block. */
function closeBlocked(sockets: ReadonlySet<ClientSocket>, blocked: Blocked): void {
  for (const socket of [...sockets]) {
    const { userId, tokenId } = socket.data;
    const isUser = userId !== null && blocked.hasUser(userId);
    if (!isUser && (tokenId === null || !blocked.hasToken(tokenId))) continue;
    reply(socket, errorText(isUser ? "USER_BLOCKED" : "TOKEN_REVOKED"));
    socket.close(CLOSE.BLOCKED, "Blocked by an operator");
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Closes sockets in slices. Resolves when they and their routes are gone. */
async function closeSlowly(sockets: ReadonlySet<ClientSocket>, routesLeft: () => number): Promise<void> {
  let slice = 0;
  for (const socket of sockets) {
    socket.close(CLOSE.RECONNECT, "Shutting down: connect again and resume");
    if (++slice % SLICE === 0) await pause(SLICE_PAUSE_MS);
  }
  const deadline = performance.now() + LEAVE_MS;
  while (sockets.size + routesLeft() > 0 && performance.now() < deadline) await pause(5);
}

type RoomParts = Pick<DispatchParts, "tokens" | "catchingUp" | "topics" | "maxInFlight" | "watches">;

function dispatchOf(deps: SocketRoomDeps, limits: SocketLimits, parts: RoomParts): Dispatch {
  return new Dispatch({
    ...parts,
    claimForUser: deps.claimForUser,
    gate: deps.gate ?? (() => undefined),
    rate: createMessageRate(limits.messagesPerS ?? 50, limits.messageBurst ?? 100),
    spend: deps.spend ?? (() => 0),
    refused: deps.refused ?? (() => {}),
    onError: deps.onError,
  });
}

/** The WebSocket channel: claims, sale news, and each user's own messages. */
export function createSocketRoom(deps: SocketRoomDeps, limits: SocketLimits): SocketRoom {
  const { authenticate, onError, unsafe = () => {} } = deps;
  const { spend = () => 0, refused = () => {}, addressOf = ({ remoteAddress }) => remoteAddress } = deps;
  const registry = new Registry();
  const buffers = new SendBuffers(limits.bufferedBytes ?? BUFFERED_BYTES, registry.all, () => refused("slow"));
  const routing = createRouting(deps.routes, deps.gatewayId, onError);
  const catchingUp: CatchingUp = createCatchingUp(
    new InboxReading({ ...deps, addRoute: routing.add, done: (socket) => catchingUp.ifBehind(socket) }),
    onError,
  );
  const topics = createSaleTopics(deps, countedPublish(deps.publish, buffers), limits.subscriptions ?? 100);
  const deliver: DeliverMessages = (userId, messages) => {
    for (const socket of registry.ofUser(userId)) {
      push(socket, messages);
      catchingUp.ifBehind(socket);
    }
  };
  const maxInFlight = limits.inFlight ?? 16;
  const tokens = new TokenCheck({ authenticate, identified, now: deps.now, maxWaiting: maxInFlight, unsafe, onError });
  const dispatch = dispatchOf(deps, limits, {
    tokens,
    catchingUp,
    topics,
    maxInFlight,
    watches: (socket) => registry.watches(socket),
  });
  const repairAll = () => catchingUp.repair(registry.all);
  const probe = createLostRouteCheck(registry.all, routing, repairAll, onError);
  const stopSweep = startSocketTimer(registry, routing, catchingUp, probe, limits.authTimeoutS, onError);
  const stopPushes = listenForPushes(deps.subscriber, deps.gatewayId, {
    deliver,
    subscribed: repairAll,
    interrupted: () => catchingUp.behind(registry.all),
    onError,
  });
  let opened = 0;
  let closing = false;

  function identified(socket: ClientSocket, identity: Identity): void {
    const { userId } = identity;
    if (registry.ofUser(userId).length >= limits.socketsPerUser) {
      refuse(socket, `A user may have ${limits.socketsPerUser} sockets`);
      return;
    }
    socket.data.identify(identity);
    registry.identify(socket);
    catchingUp.welcome(socket);
  }

  const route: SocketRoute<UserSocket> = {
    path: "/ws",
    upgrade(request) {
      if (closing) return { refuse: problem("SHUTTING_DOWN") };
      const address = addressOf(request);
      const refusal = refuseUpgrade(
        registry.all.size,
        limits.sockets,
        (tokens) => spend(null, address, tokens),
        refused,
      );
      if (refusal !== undefined) return { refuse: refusal };
      const verdict = checkUpgrade(request, authenticate, limits.allowedOrigins, (code) => unsafe(code, address));
      if ("refuse" in verdict) return verdict;
      return { accept: new UserSocket(++opened, address, performance.now(), verdict.identity, buffers) };
    },
    open(socket) {
      const { data: connection } = socket;
      connection.isOpen = true;
      registry.add(socket);
      const { identity, address } = connection;
      connection.identity = null;
      if (closing) socket.close(CLOSE.RECONNECT, "Shutting down");
      else if (registry.atAddress(address) > limits.socketsPerAddress)
        refuse(socket, "Too many sockets of one address");
      else if (identity !== null) tokens.take(socket, identity);
    },
    message: (socket, message) => dispatch.message(socket, message),
    closed(socket) {
      socket.data.isOpen = false;
      registry.remove(socket);
      catchingUp.forget(socket);
      topics.forget(socket);
      routing.remove(socket);
    },
    failed: (_socket, error) => onError(error),
  };

  return {
    route,
    deliver,
    saleChanged: topics.announce,
    closeBlocked: (blocked) => closeBlocked(registry.all, blocked),
    saleAnnounced: topics.changed,
    size: () => registry.all.size,
    async closeAll() {
      closing = true;
      stopPushes();
      stopSweep();
      topics.stop();
      await closeSlowly(registry.all, routing.removing);
    },
  };
}

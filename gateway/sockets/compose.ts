import type { UserId } from "../../contracts/wire/ids.ts";
import { createInbox } from "../../lua/inbox.ts";
import { createRoutes } from "../../lua/routes.ts";
import { saleTime } from "../../lua/sale-reading.ts";
import type { GatewayLimits } from "../admission/compose.ts";
import type { SecurityLog } from "../audit/security-log.ts";
import type { AuthDomain } from "../auth/compose.ts";
import type { ClaimDomain } from "../claims/compose.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import { clientAddress } from "../http/client-address.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { Orders } from "../orders/compose.ts";
import type { Sales } from "../sales/compose.ts";
import { createSocketRoom, type SocketRoom } from "./room.ts";

/** How many coupons and orders a socket is sent when its inbox was lost; the others are at /me. */
const RESYNC_PAGE = 50;

/** What the sockets use of the other domains. */
export interface SocketNeeds {
  readonly auth: AuthDomain;
  readonly security: Pick<SecurityLog, "refused">;
  readonly sales: Sales;
  readonly claims: ClaimDomain;
  readonly orders: Orders;
  readonly limits: GatewayLimits;
  /** To all sockets of this process that follow the topic; returns how many there are. */
  readonly publish: (topic: string, text: string) => number;
}

/** The WebSocket channel on Redis. Changes of sales are announced from here on. */
export function composeSockets(
  { redis, subscriber, onError }: GatewayConnections,
  config: GatewayConfig,
  metrics: GatewayMetrics,
  { auth, sales, claims, orders, limits: { limits, refusals, sockets }, security, publish }: SocketNeeds,
): SocketRoom {
  const unsafe = (code: string, address: string, user: UserId | null = null) =>
    security.refused(code, () => ({ operation: "socket", address, ...(user === null ? {} : { user }) }));
  const room = createSocketRoom(
    {
      authenticate: auth.authenticate,
      claimForUser: claims.claimForUser,
      gate(couponId, userId) {
        const refusal = sales.board.gate(couponId, performance.now());
        return refusal === undefined || refusal.unlessWon.has(userId) ? undefined : refusal.code;
      },
      spend(userId, address, tokens) {
        const wait = limits.messageWait(userId, address, tokens);
        if (wait > 0) unsafe("RATE_LIMITED", address, userId);
        return wait;
      },
      unsafe,
      refused: (kind) => refusals.refused(kind),
      addressOf: (request) => clientAddress(request, config.trustedProxies),
      inbox: createInbox(redis),
      routes: createRoutes(redis),
      listCoupons: (userId) => claims.listCoupons(userId, null, RESYNC_PAGE),
      listOrders: (userId) => orders.list(userId, null, RESYNC_PAGE),
      viewSale: async (couponId) => (await sales.shown.get(couponId))?.sale ?? null,
      saleTime: (couponId) => saleTime(redis, couponId),
      currentSale: async (couponId, maxAgeMs) => (await sales.shown.get(couponId, maxAgeMs))?.sale ?? null,
      now: sales.now,
      gatewayId: config.gatewayId,
      subscriber,
      publish,
      onError,
    },
    {
      authTimeoutS: config.AUTH_TIMEOUT_S,
      socketsPerUser: config.SOCKETS_PER_USER,
      socketsPerAddress: config.SOCKETS_PER_ADDRESS,
      allowedOrigins: config.allowedOrigins,
      sockets,
      bufferedBytes: config.SOCKET_BUFFERS_MB * 1_024 * 1_024,
    },
  );
  metrics.gauge("stampede_sockets", "Open WebSockets", room.size);
  sales.onChange(room.saleChanged);
  auth.blocks.onChange(() => room.closeBlocked(auth.blocks));
  sales.onAnnounced(room.saleAnnounced);
  return room;
}

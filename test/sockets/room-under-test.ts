import { createHmac } from "node:crypto";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { createAuthenticate, type KeyGroup, sharedSecret } from "../../gateway/auth/authenticate.ts";
import type { SocketLimits } from "../../gateway/sockets/limits.ts";
import { createSocketRoom, type SocketRoom, type SocketRoomDeps } from "../../gateway/sockets/room.ts";
import { listenBun } from "../../gateway/transports/bun.ts";
import type { Transport } from "../../gateway/transports/transport.ts";
import { createInbox, type Inbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import { createRedis, createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import { saleTime } from "../../lua/sale-reading.ts";
import { letter } from "../lua/inbox-message.ts";
import { UNHURRIED } from "../support/redis.ts";

const SECRET = "a secret of at least thirty-two bytes";
const REALM = { issuer: "stampede", audience: "stampede", maxAgeS: 0, isCustomer: true, rolesOf: () => [] };
/** The keys of a test's gateway; `sources` are keys by `kid`. */
export const keysOf = (sources: KeyGroup["sources"] = []): KeyGroup => {
  return { secret: sharedSecret(SECRET), sources, realms: [REALM] };
};

/** A token as the gateway accepts it. */
export function tokenFor(userId: string, expiresInS = 3600, secret = SECRET): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + expiresInS;
  const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: userId, iss: "stampede", aud: "stampede", exp })}`;
  return `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
}

export interface TestRoom {
  readonly room: SocketRoom;
  readonly transport: Transport;
  readonly port: number;
  readonly gatewayId: string;
  readonly inbox: Inbox;
  readonly errors: unknown[];
  /** What role notify does: the inbox first, then a push to each gateway that has the user. */
  tell(userId: string, ...messages: object[]): Promise<readonly string[]>;
  stop(): Promise<void>;
}

let gateways = 0;

/** A room on a real transport and a real Redis; what lies behind the interfaces of other rooms can be replaced. */
export async function startTestRoom(
  redisUrl: string,
  deps: Partial<SocketRoomDeps> = {},
  limits: Partial<SocketLimits> = {},
  transportOptions: { maxBufferedBytes?: number; port?: number } = {},
): Promise<TestRoom> {
  const gatewayId = `test-${process.pid}-${++gateways}`;
  const redis = createRedis(redisUrl, UNHURRIED);
  const subscriber = createSubscriber(redisUrl, UNHURRIED);
  await whenReady(redis, 5000);
  await whenReady(subscriber, 5000);
  const errors: unknown[] = [];
  const inbox = createInbox(redis);
  let transport: Transport | undefined;
  const room = createSocketRoom(
    {
      authenticate: createAuthenticate([keysOf()]),
      claimForUser: async () => ({ kind: "refused", code: "SOLD_OUT" satisfies ResultCode }),
      inbox,
      routes: createRoutes(redis),
      listCoupons: async () => ({ items: [], nextCursor: null }),
      listOrders: async () => ({ items: [], nextCursor: null }),
      viewSale: async () => ({ state: "OPEN", startsAt: "2026-01-01T00:00:00.000Z", issueMode: "DIRECT" }),
      saleTime: (couponId) => saleTime(redis, couponId),
      currentSale: async () => null,
      now: Date.now,
      gatewayId,
      subscriber,
      publish: (topic, text) => transport?.publish(topic, text) ?? 0,
      onError: (error) => void errors.push(error),
      ...deps,
    },
    { authTimeoutS: 5, socketsPerUser: 10, socketsPerAddress: 20_000, allowedOrigins: new Set(), ...limits },
  );
  transport = await listenBun({
    host: "127.0.0.1",
    port: transportOptions.port ?? 0,
    reusePort: false,
    maxBodyBytes: 16_384,
    idleTimeoutS: 60,
    routes: [],
    notFound: () => ({ status: 404 }),
    failed: (_request, error) => {
      errors.push(error);
      return { status: 500 };
    },
    socket: {
      ...room.route,
      maxMessageBytes: 16_384,
      idleTimeoutS: 60,
      maxBufferedBytes: transportOptions.maxBufferedBytes ?? 262_144,
    },
  });
  const started = transport;
  return {
    room,
    transport: started,
    port: started.port,
    gatewayId,
    inbox,
    errors,
    tell: (userId, ...messages) => tell(redis, inbox, userId, messages),
    async stop() {
      await room.closeAll();
      await started.stop(0);
      subscriber.disconnect();
      redis.disconnect();
    },
  };
}

async function tell(
  redis: RedisConnection,
  inbox: Inbox,
  userId: string,
  messages: readonly object[],
): Promise<readonly string[]> {
  const texts = messages.map((m) => JSON.stringify(m));
  const { written, routes } = await inbox.append(userId as never, texts.map(letter));
  const push = JSON.stringify(written.map((one, i) => ({ u: userId, c: one!.cursor, m: texts[i], p: one!.previous })));
  for (const gatewayId of new Set(routes.values())) await redis.publish(gatewayChannel(gatewayId), push);
  return written.map((one) => one!.cursor);
}

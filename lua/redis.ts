import { Cluster, Redis, type RedisOptions } from "ioredis";
import { hostAndPort } from "../contracts/wire/address.ts";

export type RedisConnection = Redis | Cluster;

export interface RedisConnectionOptions {
  /** Shown in CLIENT LIST. */
  readonly name?: string;
  /** Milliseconds without an answer after which the server counts as dead: its commands fail, and the client reconnects. Default 1,000. */
  readonly silenceMs?: number;
  /** Logs that the connection is made, lost or cannot be made (each reason once until it is back). */
  readonly log?: (level: "info" | "warn", message: string) => void;
}

const CONNECT_TIMEOUT_MS = 1_000;
const MAX_BACKOFF_MS = 1_000;
/** Redirections and retries of one cluster command, 100 ms apart: it fails after about 0.8 s. */
const CLUSTER_TRIES = 8;
const SUBSCRIBER_PING_MS = 5_000;

/** 25, 50, 100 … 1,000 ms, with up to a quarter of jitter so that processes do not reconnect in step. */
export function backOff(attempt: number): number {
  return Math.round(Math.min(MAX_BACKOFF_MS, 25 * 2 ** (attempt - 1)) * (1 - Math.random() / 4));
}

/** Addresses of `redis+cluster://[user:password@]host:port,host:port`; null for an URL of a single server. */
export function clusterNodes(url: string) {
  const match = /^redis(s?)\+cluster:\/\/(?:([^:@/]*):([^@/]*)@)?([^/?]+)/.exec(url);
  if (!match) return null;
  const nodes = match[4]!.split(",").map((node) => hostAndPort(node, 6379));
  return {
    nodes,
    tls: match[1] === "s",
    username: match[2] ? decodeURIComponent(match[2]) : undefined,
    password: match[3] ? decodeURIComponent(match[3]) : undefined,
  };
}

/**
 * A connection that fails fast and reconnects. Without a connection, commands are refused at once. When the connection breaks,
 * commands without an answer are refused and never sent again: a claim's outcome is then unknown, and its repeat finds the win.
 * It tries to reconnect for ever, at most a second apart.
 *
 * `url`: `redis://…`, `rediss://…`, `unix` paths, or `redis+cluster://host:port,host:port`.
 * One timer per connection watches for missing answers, not one per command (ioredis' commandTimeout costs 0.3–0.6 µs each).
 */
export function createRedis(url: string, options: RedisConnectionOptions = {}): RedisConnection {
  const common = {
    ...(options.name === undefined ? {} : { connectionName: options.name }),
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: options.silenceMs ?? 1_000,
    keepAlive: 10_000,
    maxLoadingRetryTime: MAX_BACKOFF_MS,
  };
  return connect(url, common, false, options.log);
}

/**
 * A connection for SUBSCRIBE. Subscriptions take effect after each connect and reconnect; messages in between are lost, so readers
 * must not depend on them. It sends pings, because a connection that only receives would not notice that the server is gone.
 */
export function createSubscriber(url: string, options: RedisConnectionOptions = {}): RedisConnection {
  const common = {
    ...(options.name === undefined ? {} : { connectionName: options.name }),
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: options.silenceMs ?? 2_000,
    keepAlive: 10_000,
    maxLoadingRetryTime: MAX_BACKOFF_MS,
  };
  const redis = connect(url, common, true, options.log);
  const ping = setInterval(() => {
    if (redis.status === "ready") redis.ping().catch(() => {}); // a failure closes the connection, which is logged
  }, SUBSCRIBER_PING_MS);
  ping.unref();
  redis.once("end", () => clearInterval(ping));
  return redis;
}

type Common = Pick<
  RedisOptions,
  | "connectionName"
  | "maxRetriesPerRequest"
  | "autoResendUnfulfilledCommands"
  | "connectTimeout"
  | "socketTimeout"
  | "keepAlive"
  | "maxLoadingRetryTime"
>;

function connect(url: string, common: Common, queue: boolean, log: RedisConnectionOptions["log"]): RedisConnection {
  const cluster = clusterNodes(url);
  const redis = cluster
    ? new Cluster(cluster.nodes, {
        redisOptions: {
          ...common,
          ...(cluster.username === undefined ? {} : { username: cluster.username }),
          ...(cluster.password === undefined ? {} : { password: cluster.password }),
          ...(cluster.tls ? { tls: {} } : {}),
        },
        clusterRetryStrategy: backOff,
        enableOfflineQueue: queue,
        maxRedirections: CLUSTER_TRIES,
        slotsRefreshInterval: 2_000,
      })
    : new Redis(url, { ...common, enableOfflineQueue: queue, retryStrategy: backOff });

  if (redis instanceof Cluster) redis.on("+node", coalesceWrites);
  else coalesceWrites(redis);

  // Each reason once until it is back: a client that tries every second for an hour must not fill a log.
  const said = new Set<string>();
  const warn = (message: string) => {
    if (!said.has(message)) log?.("warn", message);
    said.add(message);
  };
  // Without a listener ioredis prints errors to the console. A client that reconnects need not end the process.
  redis.on("error", (error: Error) => warn(`Redis: ${error.message || error.name}`));
  redis.on("ready", () => {
    said.clear();
    log?.("info", "Redis: connected");
  });
  redis.on("close", () => warn("Redis: connection lost"));
  return redis;
}

/**
 * Commands of one event-loop turn are sent with one write. One system call per command was two thirds of a small command's cost:
 * of 64 commands at once, each took 6.1 µs of CPU, and takes 2.6 µs now. ioredis' automatic pipelining is similar, but routes
 * EVALSHA to the wrong node of a cluster and adds a pipeline's bookkeeping to each command. `nextTick` runs when the turn's
 * promises have settled, so it adds no delay.
 */
function coalesceWrites(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  let corked: Redis["stream"] | null = null;
  redis.sendCommand = (command, stream) => {
    const socket = redis.stream;
    if (socket && socket !== corked) {
      corked = socket;
      socket.cork();
      process.nextTick(() => {
        if (corked === socket) corked = null;
        socket.uncork();
      });
    }
    return send(command, stream);
  };
}

/** Resolves true when the connection can be used, false if that takes longer than `timeoutMs`. Never rejects. */
export async function whenReady(redis: RedisConnection, timeoutMs: number): Promise<boolean> {
  if (redis.status === "ready") return true;
  return await new Promise((resolve) => {
    const settle = (ready: boolean) => {
      clearTimeout(timer);
      redis.off("ready", onReady);
      resolve(ready);
    };
    const onReady = () => settle(true);
    const timer = setTimeout(() => settle(false), timeoutMs);
    redis.on("ready", onReady);
  });
}

/** Calls `hook` now, if connected, and after every reconnect, to restore what Redis may have lost. Returns a function that stops it. */
export function onEveryConnect(redis: RedisConnection, hook: () => void): () => void {
  redis.on("ready", hook);
  if (redis.status === "ready") hook();
  return () => redis.off("ready", hook);
}

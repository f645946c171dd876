import { Cluster, Command } from "ioredis";
import type { RedisConnection } from "./redis.ts";

/**
 * EVALSHA as a raw command. Not through ioredis' own methods: `defineCommand` falls back to EVAL by itself, and automatic
 * pipelining on a cluster routes an EVALSHA by its SHA instead of its key.
 * `keys` must not be empty on a cluster; arguments are strings. Rejects with ioredis' error (NOSCRIPT among them).
 */
export function evalsha(
  redis: RedisConnection,
  sha: string,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const words = [sha, String(keys.length)];
  for (const key of keys) words.push(key);
  for (const arg of args) words.push(arg);
  const command = new Command("evalsha", words, { replyEncoding: "utf8" });
  // Without ioredis' tracing, which Bun's diagnostics channels turn on without a listener. It costs a tenth of a claim.
  command.isTraced = true;
  return redis.sendCommand(command) as Promise<unknown>;
}

/** A command without a key that must reach the node which owns `key`: INFO, SCRIPT LOAD, TIME. */
class CommandAt extends Command {
  readonly #slot: number;
  constructor(key: string, name: string, args: string[]) {
    super(name, args, { replyEncoding: "utf8" });
    this.#slot = new Command("get", [key]).getSlot();
  }
  override getSlot(): number {
    return this.#slot;
  }
}

/** Sends `name args` to the node that owns `key` (to the only node, if there is one). */
export function commandAt(redis: RedisConnection, key: string, name: string, ...args: string[]): Promise<unknown> {
  return redis.sendCommand(new CommandAt(key, name, args)) as Promise<unknown>;
}

/** The clock of the node that owns `key`, in milliseconds since 1970. Later commands of the node have this time or a later one. */
export async function timeAt(redis: RedisConnection, key: string): Promise<number> {
  const [seconds, micros] = (await commandAt(redis, key, "time")) as [string, string];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

/** Who a server is, from INFO. */
export interface ServerIdentity {
  /** Changes with every restart. */
  readonly runId: string;
  /** Id of its replication history. It changes when the server is promoted, and when it first gets a replica. */
  readonly replId: string;
  /** The server was promoted once: its data came from another master. */
  readonly promoted: boolean;
}

/** The server process that owns `key`. */
export async function serverAt(redis: RedisConnection, key: string): Promise<ServerIdentity> {
  return serverIdentity((await commandAt(redis, key, "info", "server", "replication")) as string);
}

/**
 * Asks each server once for its identity, for any number of keys: a look at 10,000 sales is one INFO, not 10,000. For one round of
 * looks; an answer may be out of date at the end of the round.
 */
export class ServersAsked {
  readonly #redis: RedisConnection;
  readonly #answers = new Map<string, Promise<ServerIdentity>>();

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  at(key: string): Promise<ServerIdentity> {
    const server = this.#ownerOf(key);
    let answer = this.#answers.get(server);
    if (answer === undefined) {
      answer = serverAt(this.#redis, key);
      this.#answers.set(server, answer);
    }
    return answer;
  }

  /** The address of the server that owns a key, as the client knows it now. */
  #ownerOf(key: string): string {
    if (!(this.#redis instanceof Cluster)) return "";
    const slot = new Command("get", [key]).getSlot();
    return this.#redis.slots[slot]?.[0] ?? `slot ${slot}`;
  }
}

/** @throws Error if the text is not a reply to INFO server replication */
export function serverIdentity(info: string): ServerIdentity {
  const field = (name: string) => {
    const value = new RegExp(`^${name}:(\\w+)`, "m").exec(info)?.[1];
    if (value === undefined) throw new Error(`INFO without a ${name}`);
    return value;
  };
  // The second id is the history that was taken over at a promotion; zeros: none.
  return { runId: field("run_id"), replId: field("master_replid"), promoted: /[^0]/.test(field("master_replid2")) };
}

import { Command } from "ioredis";
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
  // Spares ioredis' tracing, which Bun's diagnostics channels switch on for nobody: a tenth of a claim's cost.
  command.isTraced = true;
  return redis.sendCommand(command) as Promise<unknown>;
}

/** A command without a key of its own that must reach the node which owns `key`: INFO, SCRIPT LOAD, TIME. */
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

/** `run_id` of the server process that owns `key`: another one after every restart. */
export async function runIdAt(redis: RedisConnection, key: string): Promise<string> {
  return runIdOf((await commandAt(redis, key, "info", "server")) as string);
}

/** @throws Error if the text is not an INFO reply */
export function runIdOf(info: string): string {
  const runId = /^run_id:(\w+)/m.exec(info)?.[1];
  if (runId === undefined) throw new Error("INFO without a run_id");
  return runId;
}

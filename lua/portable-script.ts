import { createHash } from "node:crypto";
import { commandAt, evalsha } from "./commands.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, redisFailure } from "./redis-failure.ts";

/** SHA1 in hex: the name under which Redis keeps a script. */
export function shaOf(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

/**
 * Runs a script that any process may load (inbox, routes, the loader's fence). If the server does not know it, it is loaded
 * and run once more. Never for the scripts that decide claims: their absence is the fence (sale-scripts.ts).
 * @throws StampedeError
 */
export class PortableScript {
  readonly #text: string;
  readonly #sha: string;

  constructor(text: string) {
    this.#text = text;
    this.#sha = shaOf(text);
  }

  async run(redis: RedisConnection, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await evalsha(redis, this.#sha, keys, args);
    } catch (error) {
      if (!isNoScript(error)) throw redisFailure(error);
    }
    try {
      await commandAt(redis, keys[0]!, "script", "LOAD", this.#text);
      return await evalsha(redis, this.#sha, keys, args);
    } catch (error) {
      throw redisFailure(error);
    }
  }
}

import { createHash } from "node:crypto";
import { Cluster } from "ioredis";
import { serverIdentity } from "./commands.ts";
import type { RedisConnection } from "./redis.ts";
import { redisFailure } from "./redis-failure.ts";

export const TAG_LENGTH = 8;

/**
 * Eight characters that change when Redis restarts or fails over. A cursor carries them, so that a position in an inbox
 * whose end Redis may have lost is recognised. On a cluster one tag is for all masters: any failover makes every client
 * resync once, which is cheaper than to follow each hash slot.
 */
export class ServerTag {
  readonly #redis: RedisConnection;
  #tag: Promise<string> | null = null;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
    // Forgotten at once when a connection breaks: a reply that arrives after a restart must wait for the new tag.
    const forget = () => {
      this.#tag = null;
    };
    for (const event of redis instanceof Cluster ? ["close", "+node", "-node"] : ["close"]) redis.on(event, forget);
  }

  /** @throws StampedeError REDIS_UNAVAILABLE */
  current(): Promise<string> {
    if (this.#tag) return this.#tag;
    const tag = this.#read();
    this.#tag = tag;
    tag.catch(() => {
      if (this.#tag === tag) this.#tag = null;
    });
    return tag;
  }

  async #read(): Promise<string> {
    try {
      const redis = this.#redis;
      const nodes = redis instanceof Cluster ? redis.nodes("master") : [redis];
      const answers = await Promise.allSettled(nodes.map((node) => node.info("server", "replication")));
      const runIds = answers.flatMap((answer) =>
        answer.status === "fulfilled" ? [serverIdentity(answer.value).runId] : [],
      );
      // One dead master does not stop the others: until its replica takes over, the tag is of the masters that answer.
      if (runIds.length === 0)
        throw answers.find((answer) => answer.status === "rejected")?.reason ?? new Error("No masters");
      return tagOf(runIds);
    } catch (error) {
      throw redisFailure(error);
    }
  }
}

/** One run_id: its first characters. Several: the first characters of a hash over all, sorted. */
export function tagOf(runIds: readonly string[]): string {
  const only =
    runIds.length === 1
      ? runIds[0]!
      : createHash("sha1")
          .update([...runIds].sort().join(" "))
          .digest("hex");
  return only.slice(0, TAG_LENGTH);
}

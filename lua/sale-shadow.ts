import { randomBytes } from "node:crypto";
import type { CouponId, RequestId, UserId } from "../contracts/wire/ids.ts";
import { shadowKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { SlotPlan } from "./slot-plan.ts";

export interface LoadedWinner {
  readonly userId: UserId;
  readonly slot: number;
  readonly requestId: RequestId;
}

/** Pairs per HSET: about 50 kB and a millisecond of Redis' time, so that claims of other sales hardly wait. */
const CHUNK = 1_000;
/** Seconds after its last chunk at which an unfinished shadow expires: its loader died. */
const SHADOW_TTL_S = 600;

/** What was written, as load-sale.lua compares it. */
export interface ShadowSize {
  readonly winners: number;
  readonly freed: number;
  /** The highest slot that is given out; the next new one follows it. */
  readonly next: number;
}

/** Writes one key in chunks. Each chunk renews the time to live. */
class ChunkWriter {
  #words: string[] = [];

  constructor(
    private readonly redis: RedisConnection,
    private readonly key: string,
    private readonly command: "hset" | "rpush",
  ) {}

  async add(...entry: string[]): Promise<void> {
    this.#words.push(...entry);
    if (this.#words.length >= 2 * CHUNK) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#words.length === 0) return;
    const chunk = this.#words;
    this.#words = [];
    const { redis, key } = this;
    const written = this.command === "hset" ? redis.hset(key, ...chunk) : redis.rpush(key, ...chunk);
    await Promise.all([written, redis.expire(key, SHADOW_TTL_S)]).catch(rethrow);
  }
}

/** A sale's winners and freed slots under temporary keys, until load-sale.lua puts them in place. */
export class SaleShadow {
  readonly keys: ReturnType<typeof shadowKeys>;

  constructor(
    private readonly redis: RedisConnection,
    couponId: CouponId,
  ) {
    this.keys = shadowKeys(couponId, randomBytes(9).toString("base64url"));
  }

  /**
   * @param discarded slots that are not given out although no winner holds them
   * @throws what `winners` throws; StampedeError INTERNAL for a snapshot that contradicts itself
   */
  async write(
    total: number,
    winners: Iterable<LoadedWinner> | AsyncIterable<LoadedWinner>,
    discarded: readonly number[],
  ): Promise<ShadowSize> {
    try {
      const plan = new SlotPlan(total);
      const winnerCount = await this.#writeWinners(plan, winners);
      for (const slot of discarded) plan.take(slot);
      return { winners: winnerCount, freed: await this.#writeFreed(plan), next: plan.next };
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  /** If Redis does not answer, the keys expire. */
  async remove(): Promise<void> {
    await this.redis.unlink(this.keys.winners, this.keys.freed).catch(() => {});
  }

  async #writeWinners(plan: SlotPlan, winners: Iterable<LoadedWinner> | AsyncIterable<LoadedWinner>): Promise<number> {
    const writer = new ChunkWriter(this.redis, this.keys.winners, "hset");
    let count = 0;
    for await (const { userId, slot, requestId } of winners) {
      plan.take(slot);
      count++;
      await writer.add(userId, `${slot} ${requestId}`);
    }
    await writer.flush();
    return count;
  }

  async #writeFreed(plan: SlotPlan): Promise<number> {
    const writer = new ChunkWriter(this.redis, this.keys.freed, "rpush");
    let count = 0;
    for (const slot of plan.freed()) {
      count++;
      await writer.add(String(slot));
    }
    await writer.flush();
    return count;
  }
}

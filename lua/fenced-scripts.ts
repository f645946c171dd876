import { LRUCache } from "lru-cache";
import type { CouponId } from "../contracts/ids.ts";
import { evalsha } from "./commands.ts";
import { type SaleKeys, saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, redisFailure, rethrow } from "./redis-failure.ts";
import { SALE_SCRIPT_NAMES, type SaleScriptName } from "./sale-script-text.ts";

type Shas = Readonly<Record<SaleScriptName, string>>;

/** Sales whose keys and SHAs a process remembers; one entry is about 1 kB. */
const REMEMBERED_SALES = 10_000;

/** Which key a script takes, in its order. */
const KEYS_OF: Record<SaleScriptName, readonly (keyof SaleKeys)[]> = {
  shaClaim: ["sale", "winners", "freed", "ledger"],
  shaDecide: ["sale", "winners", "freed", "ledger", "status", "asked"],
  shaRelease: ["sale", "winners", "freed", "ledger", "status"],
  shaAck: ["sale", "ledger", "status"],
  shaState: ["sale", "freed"],
  shaReplace: ["sale", "winners", "freed"],
  shaResize: ["sale", "freed"],
};

interface Known {
  readonly shas: Shas;
  readonly keys: Readonly<Record<SaleScriptName, readonly string[]>>;
}

/**
 * Runs the scripts of a sale by the SHAs that stand in its `:sale` hash, and never loads one: a server that does not know
 * them has restarted or was promoted and may have forgotten claims, so nobody claims until a loader was there.
 */
export class FencedScripts {
  readonly #redis: RedisConnection;
  readonly #known = new LRUCache<CouponId, Known>({ max: REMEMBERED_SALES });
  readonly #reading = new Map<CouponId, Promise<Known | null>>();

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** The script's reply; null when the sale is not loaded. @throws StampedeError REDIS_UNAVAILABLE, OVERLOADED */
  async run(couponId: CouponId, name: SaleScriptName, args: readonly string[]): Promise<string | null> {
    const known = this.#known.get(couponId) ?? (await this.#read(couponId));
    if (known === null) return null;
    try {
      return (await evalsha(this.#redis, known.shas[name], known.keys[name], args)) as string;
    } catch (error) {
      if (!isNoScript(error)) throw redisFailure(error);
    }
    this.#known.delete(couponId);
    const now = await this.#read(couponId);
    // The same SHA again: the hash survived a restart, the scripts did not, and nobody has loaded the sale since.
    if (now === null || now.shas[name] === known.shas[name]) return null;
    try {
      return (await evalsha(this.#redis, now.shas[name], now.keys[name], args)) as string;
    } catch (error) {
      if (isNoScript(error)) return null;
      throw redisFailure(error);
    }
  }

  /** One HMGET for all who ask at the same time. */
  #read(couponId: CouponId): Promise<Known | null> {
    const running = this.#reading.get(couponId);
    if (running) return running;
    const read = this.#fetch(couponId).finally(() => this.#reading.delete(couponId));
    this.#reading.set(couponId, read);
    return read;
  }

  async #fetch(couponId: CouponId): Promise<Known | null> {
    const names = saleKeys(couponId);
    const values = await this.#redis.hmget(names.sale, ...SALE_SCRIPT_NAMES).catch(rethrow);
    const shas = {} as Record<SaleScriptName, string>;
    const keys = {} as Record<SaleScriptName, readonly string[]>;
    for (const [i, name] of SALE_SCRIPT_NAMES.entries()) {
      const sha = values[i];
      if (!sha) return null;
      shas[name] = sha;
      keys[name] = KEYS_OF[name].map((key) => names[key]);
    }
    const known = { shas, keys };
    this.#known.set(couponId, known);
    return known;
  }
}

import { LRUCache } from "lru-cache";
import type { CouponId } from "../contracts/wire/ids.ts";
import { evalsha } from "./commands.ts";
import { type SaleKeys, saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, redisFailure, rethrow } from "./redis-failure.ts";
import { SALE_SCRIPT_NAMES, type SaleScriptName } from "./sale-script-text.ts";

/** Without the scripts that the sale's loader did not know. */
type Shas = Readonly<Partial<Record<SaleScriptName, string>>>;

/** Sales whose keys and SHAs a process remembers; one entry is about 1 kB. */
const REMEMBERED_SALES = 10_000;
/** Milliseconds after which a sale's SHAs are read again, in the background, in case the announcement of a change was missed. */
const REFRESH_MS = 30_000;

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
  /** When to read them again, by the monotonic clock. */
  refreshAt: number;
}

/**
 * Runs the scripts of a sale by the SHAs in its `:sale` hash, and never loads one: a server that does not know them has
 * restarted or was promoted and may have lost claims, so all claims stop until a loader has rebuilt the sale.
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
    const sha = known.shas[name];
    if (sha !== undefined) {
      this.#keepFresh(couponId, known);
      try {
        return (await evalsha(this.#redis, sha, known.keys[name], args)) as string;
      } catch (error) {
        if (!isNoScript(error)) throw redisFailure(error);
      }
    }
    this.#known.delete(couponId);
    const now = await this.#read(couponId);
    const newSha = now?.shas[name];
    // The same SHA again: the hash survived a restart, the scripts did not, and the sale was not loaded since.
    if (now === null || newSha === undefined || newSha === sha) return null;
    try {
      return (await evalsha(this.#redis, newSha, now.keys[name], args)) as string;
    } catch (error) {
      if (isNoScript(error)) return null;
      throw redisFailure(error);
    }
  }

  /** The sale's scripts were swapped: the next call asks for them. */
  forget(couponId: CouponId): void {
    this.#known.delete(couponId);
    this.#reading.delete(couponId); // a read under way may be older than the change
  }

  /** The old scripts are still in the server's cache, so no call waits for the new ones. */
  #keepFresh(couponId: CouponId, known: Known): void {
    const now = performance.now();
    if (known.refreshAt > now) return;
    known.refreshAt = now + REFRESH_MS;
    this.#read(couponId).catch(() => {}); // Redis does not answer: the call itself fails
  }

  /** One HMGET for all callers at the same time. */
  #read(couponId: CouponId): Promise<Known | null> {
    const running = this.#reading.get(couponId);
    if (running) return running;
    const read: Promise<Known | null> = this.#fetch(couponId)
      .then((known) => {
        // Not if `forget` was called meanwhile: these values may be older than the change.
        if (known !== null && this.#reading.get(couponId) === read) this.#known.set(couponId, known);
        return known;
      })
      .finally(() => {
        if (this.#reading.get(couponId) === read) this.#reading.delete(couponId);
      });
    this.#reading.set(couponId, read);
    return read;
  }

  async #fetch(couponId: CouponId): Promise<Known | null> {
    const names = saleKeys(couponId);
    const values = await this.#redis.hmget(names.sale, ...SALE_SCRIPT_NAMES).catch(rethrow);
    if (values.every((sha) => !sha)) return null;
    const shas: Partial<Record<SaleScriptName, string>> = {};
    const keys = {} as Record<SaleScriptName, readonly string[]>;
    for (const [i, name] of SALE_SCRIPT_NAMES.entries()) {
      if (values[i]) shas[name] = values[i];
      keys[name] = KEYS_OF[name].map((key) => names[key]);
    }
    return { shas, keys, refreshAt: performance.now() + REFRESH_MS };
  }
}

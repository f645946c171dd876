import { LRUCache } from "lru-cache";
import type { CouponId } from "../contracts/wire/ids.ts";
import { commandAt, evalsha, ServersAsked, serverAt } from "./commands.ts";
import fenceText from "./fence.lua" with { type: "text" };
import { type SaleKeys, saleKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, rethrow } from "./redis-failure.ts";
import {
  foundIn,
  HEALTH_FIELDS,
  KEY_TYPES,
  readHealthFields,
  reasonInFields,
  reasonInServer,
  type SaleHealth,
  shaList,
} from "./sale-health.ts";
import { type RenderedScripts, renderSaleScripts, SALE_SCRIPT_NAMES } from "./sale-script-text.ts";
import { type LoadedWinner, SaleShadow, type ShadowSize } from "./sale-shadow.ts";
import { withIncludes } from "./script-includes.ts";

/** A sale as PostgreSQL has it. Times in milliseconds since 1970. */
export interface SaleTerms {
  readonly total: number;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly mode: "DIRECT" | "QUEUED";
  readonly name: string;
  readonly state: "OPEN" | "PAUSED" | "CLOSED";
}

export interface LoadOptions {
  /** Deletes the ledger that is left in Redis. Only if PostgreSQL holds all of its claims. Default false. */
  readonly dropLedger?: boolean;
  /** Slots that are not given out although no winner holds them. */
  readonly discarded?: readonly number[];
  /**
   * Called when the snapshot is written. It calls `open` with the state and the end that the sale has by now, or returns OVERTAKEN
   * without a call. Default: opens with those of `sale`.
   */
  readonly lastStep?: (open: OpenSale) => Promise<LoadCode | "OVERTAKEN">;
}

export type LoadCode = "LOADED" | "STALE_EPOCH" | "STALE_RUN_ID";
type OpenSale = (now: Pick<SaleTerms, "state" | "endsAt">) => Promise<LoadCode>;

/** For role sale-loader alone, because it can lift the fence. All methods reject with StampedeError. */
export interface SaleLoading {
  /** `run_id` of the server that owns the sale. */
  runId(couponId: CouponId): Promise<string>;
  /** Stops all claims until a load under this epoch. STALE_EPOCH: take a higher one. */
  fence(couponId: CouponId, epoch: number): Promise<"CHANGED" | "UNCHANGED" | "STALE_EPOCH">;
  /**
   * Puts the snapshot in place, all at once, and lifts the fence that `fence(couponId, epoch)` has set. LOADED too if another
   * loader of the same epoch was faster (nothing is changed then). STALE_EPOCH: the fence is gone or newer. STALE_RUN_ID:
   * Redis restarted meanwhile. After both the caller begins again with a new epoch.
   * An error of `winners` is thrown on as it is; a snapshot that contradicts itself rejects with INTERNAL.
   */
  load(
    couponId: CouponId,
    sale: SaleTerms,
    epoch: number,
    winners: Iterable<LoadedWinner> | AsyncIterable<LoadedWinner>,
    options?: LoadOptions,
  ): Promise<LoadCode | "OVERTAKEN">;
  /**
   * Gives a loaded sale this process' scripts, without a fence, and announces it. NOT_LOADED, STALE_EPOCH: the sale changed
   * since the caller looked at it.
   */
  swapScripts(couponId: CouponId, epoch: number): Promise<"CHANGED" | "UNCHANGED" | "NOT_LOADED" | "STALE_EPOCH">;
  /** `round` (see `startRound`): for a look at many sales. Without it, the server is asked for this sale alone. */
  health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth>;
  /** The first of the sale's keys that has another type; null: none. It costs six commands, so not for every look. */
  brokenKey(couponId: CouponId): Promise<string | null>;
  /** Begins a look at many sales: each server is asked once who it is. */
  startRound(): ServersAsked;
}

/** Servers whose scripts a loader remembers; about 30 kB each. */
const KNOWN_SERVERS = 64;

function nullIfNoHash(error: unknown): null {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return null;
  throw error;
}

class RedisSaleLoading {
  readonly #redis: RedisConnection;
  readonly #fenceScript = new PortableScript(withIncludes(fenceText));
  readonly #rendered = new LRUCache<string, RenderedScripts>({ max: KNOWN_SERVERS });

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async runId(couponId: CouponId): Promise<string> {
    return (await serverAt(this.#redis, saleKeys(couponId).sale).catch(rethrow)).runId;
  }

  async fence(couponId: CouponId, epoch: number) {
    const { sale, winners, freed, ledger, status, asked } = saleKeys(couponId);
    const keys = [sale, winners, freed, ledger, status, asked];
    return (await this.#fenceScript.run(this.#redis, keys, [String(epoch)])) as "CHANGED";
  }

  async load(...[couponId, sale, epoch, winners, options = {}]: Parameters<SaleLoading["load"]>) {
    const { runId, replId, scripts } = await this.#loadScripts(saleKeys(couponId).sale);
    const shadow = new SaleShadow(this.#redis, couponId);
    const size = await shadow.write(sale.total, winners, options.discarded ?? []);
    const server = { runId, replId };
    const ledgerFate = options.dropLedger ? "DROP" : "KEEP";
    const open: OpenSale = ({ state, endsAt }) => {
      const now = { ...sale, state, endsAt };
      return this.#putInPlace(
        couponId,
        shadow.keys,
        scripts,
        loadArguments(epoch, size, ledgerFate, now, server, scripts),
      );
    };
    const outcome = await (options.lastStep?.(open) ?? open(sale));
    if (outcome === "OVERTAKEN") await shadow.remove();
    return outcome;
  }

  async swapScripts(couponId: CouponId, epoch: number) {
    const { sale, freed } = saleKeys(couponId);
    const { scripts } = await this.#loadScripts(sale);
    try {
      const args = [String(epoch), ...shaFields(scripts)];
      return (await evalsha(this.#redis, scripts.swap.sha, [sale, freed], args)) as "CHANGED";
    } catch (error) {
      if (isNoScript(error)) return "NOT_LOADED";
      return rethrow(error);
    }
  }

  async health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth> {
    const { sale } = saleKeys(couponId);
    const [values, server] = await Promise.all([
      this.#redis.hmget(sale, ...HEALTH_FIELDS).catch(nullIfNoHash),
      round?.at(sale) ?? serverAt(this.#redis, sale),
    ]).catch(rethrow);
    if (values === null) {
      const nothing = { epoch: 0, state: null, total: null, endsAt: null, runId: server.runId };
      return { ...nothing, loaded: false, reason: "BROKEN", detail: "sale is no hash" };
    }
    const fields = readHealthFields(values);
    const found = foundIn(fields, server.runId);
    const wrong = reasonInFields(fields);
    if (wrong !== null) return { ...found, loaded: false, ...wrong };
    const reason = reasonInServer(fields, server);
    if (reason !== null) {
      // The round's answer may be older than the sale's fields, or another server's if slots are moving: ask for this sale.
      return round === undefined ? { ...found, loaded: false, reason } : this.health(couponId);
    }
    const shas = shaList(fields.shas);
    const exist = (await commandAt(this.#redis, sale, "script", "EXISTS", ...shas).catch(rethrow)) as number[];
    if (exist.some((one) => one !== 1)) return { ...found, loaded: false, reason: "SCRIPTS" };
    const ours = this.#scriptsOf(server.runId);
    return {
      ...found,
      loaded: true,
      isOutdated: SALE_SCRIPT_NAMES.some((name) => ours[name].sha !== fields.shas[name]),
    };
  }

  async brokenKey(couponId: CouponId): Promise<string | null> {
    const keys = saleKeys(couponId);
    const names = Object.keys(KEY_TYPES) as (keyof SaleKeys)[];
    const types = await Promise.all(names.map((name) => this.#redis.type(keys[name]))).catch(rethrow);
    return names.find((name, i) => types[i] !== "none" && types[i] !== KEY_TYPES[name]) ?? null;
  }

  startRound(): ServersAsked {
    return new ServersAsked(this.#redis);
  }

  #scriptsOf(runId: string): RenderedScripts {
    const known = this.#rendered.get(runId);
    if (known !== undefined) return known;
    const scripts = renderSaleScripts(runId);
    this.#rendered.set(runId, scripts);
    return scripts;
  }

  /** Puts the scripts into the cache of the server that owns the sale. */
  async #loadScripts(sale: string) {
    const server = await serverAt(this.#redis, sale).catch(rethrow);
    const scripts = this.#scriptsOf(server.runId);
    const load = ({ text }: { text: string }) => commandAt(this.#redis, sale, "script", "LOAD", text);
    await Promise.all(Object.values(scripts).map(load)).catch(rethrow);
    return { ...server, scripts };
  }

  async #putInPlace(
    couponId: CouponId,
    shadow: SaleShadow["keys"],
    scripts: RenderedScripts,
    args: readonly string[],
  ): Promise<LoadCode> {
    const { sale, winners, freed, ledger } = saleKeys(couponId);
    const keys = [sale, winners, freed, ledger, shadow.winners, shadow.freed];
    try {
      return (await evalsha(this.#redis, scripts.load.sha, keys, args)) as LoadCode;
    } catch (error) {
      if (isNoScript(error)) return "STALE_RUN_ID";
      return rethrow(error);
    }
  }
}

/** An object of plain functions, so that a test can replace one of them. */
export function createSaleLoading(redis: RedisConnection): SaleLoading {
  const loading = new RedisSaleLoading(redis);
  return {
    runId: (couponId) => loading.runId(couponId),
    fence: (couponId, epoch) => loading.fence(couponId, epoch),
    load: (...call) => loading.load(...call),
    swapScripts: (couponId, epoch) => loading.swapScripts(couponId, epoch),
    health: (couponId, round) => loading.health(couponId, round),
    brokenKey: (couponId) => loading.brokenKey(couponId),
    startRound: () => loading.startRound(),
  };
}

/** ARGV of load-sale.lua. */
function loadArguments(
  epoch: number,
  size: ShadowSize,
  ledgerFate: "DROP" | "KEEP",
  { total, startsAt, endsAt, mode, name, state }: SaleTerms,
  server: { readonly runId: string; readonly replId: string },
  scripts: RenderedScripts,
): string[] {
  const rebuiltAt = epoch > 1 ? Date.now() : 0;
  const fields = { state, total, next: size.next, startsAt, endsAt, mode, name, ...server, rebuiltAt };
  const args = [epoch, size.winners, size.freed, ledgerFate, ...Object.entries(fields).flat()].map(String);
  return [...args, ...shaFields(scripts)];
}

/** Field, SHA, field, SHA, … of `:sale`. */
function shaFields(scripts: RenderedScripts): string[] {
  return SALE_SCRIPT_NAMES.flatMap((name) => [name, scripts[name].sha]);
}

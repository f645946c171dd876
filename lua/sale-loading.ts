import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { isEpochText } from "../contracts/claims/claim-numbers.ts";
import type { CouponId, RequestId, UserId } from "../contracts/wire/ids.ts";
import type { StoredState } from "./claim-batch.ts";
import { commandAt, evalsha, ServersAsked, serverAt } from "./commands.ts";
import fenceText from "./fence.lua" with { type: "text" };
import { type SaleKeys, saleKeys, shadowKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, rethrow } from "./redis-failure.ts";
import { type RenderedScripts, renderSaleScripts, SALE_SCRIPT_NAMES } from "./sale-script-text.ts";
import { withIncludes } from "./script-includes.ts";
import { SlotPlan } from "./slot-plan.ts";

/** What a sale is, as PostgreSQL has it. Times in milliseconds since 1970. */
export interface SaleTerms {
  readonly total: number;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly mode: "DIRECT" | "QUEUED";
  readonly name: string;
  readonly state: "OPEN" | "PAUSED" | "CLOSED";
}

export interface LoadedWinner {
  readonly userId: UserId;
  readonly slot: number;
  readonly requestId: RequestId;
}

export interface LoadOptions {
  /** The surviving claim ledger goes too; only when PostgreSQL holds all of it. Default false. */
  readonly dropLedger?: boolean;
  /** Slots that nobody may get although no winner holds them. */
  readonly discarded?: readonly number[];
  /**
   * Called when everything is built; it calls `open` with the state that the sale has by now, or returns OVERTAKEN without it.
   * Default: opens with the state that was given.
   */
  readonly lastStep?: (open: (state: SaleTerms["state"]) => Promise<LoadCode>) => Promise<LoadCode | "OVERTAKEN">;
}

export type LoadCode = "LOADED" | "STALE_EPOCH" | "STALE_RUN_ID";

export interface SaleHealth {
  /** Claims can be decided. */
  readonly loaded: boolean;
  /** 0: Redis has nothing of this sale. */
  readonly epoch: number;
  readonly state: StoredState | null;
  /** null: Redis has nothing of the sale, or only a fence. */
  readonly total: number | null;
  /** Of the server that owns the sale now. */
  readonly runId: string;
  /** Loaded, but with other scripts than this process would load it with: another release's. */
  readonly isOutdated?: boolean;
  /**
   * What is wrong: no hash (or only a fence) · state RECOVERING · loaded on another server process · loaded here, but
   * another server was master meanwhile · scripts gone · somebody wrote over the sale's keys (`detail` says which).
   */
  readonly reason?: "MISSING" | "RECOVERING" | "RUN_ID" | "FAILOVER" | "SCRIPTS" | "BROKEN";
  readonly detail?: string;
}

/** For role sale-loader alone: whoever holds this can lift the fence. All reject with StampedeError. */
export interface SaleLoading {
  /** `run_id` of the server that owns the sale. */
  runId(couponId: CouponId): Promise<string>;
  /** Stops all claims until a load under this epoch. STALE_EPOCH: take a higher one. */
  fence(couponId: CouponId, epoch: number): Promise<"CHANGED" | "UNCHANGED" | "STALE_EPOCH">;
  /**
   * Puts the snapshot in place, all at once, and lifts the fence that `fence(couponId, epoch)` has set. LOADED too when
   * another loader of the same epoch was faster (nothing is touched then). STALE_EPOCH: the fence is gone or newer.
   * STALE_RUN_ID: Redis restarted meanwhile. After both begin again with a new epoch.
   * What `winners` throws is thrown on as it is; a snapshot that contradicts itself rejects with INTERNAL.
   */
  load(
    couponId: CouponId,
    sale: SaleTerms,
    epoch: number,
    winners: Iterable<LoadedWinner> | AsyncIterable<LoadedWinner>,
    options?: LoadOptions,
  ): Promise<LoadCode | "OVERTAKEN">;
  /** Gives a loaded sale this process' scripts, without a fence, and announces it. NOT_LOADED, STALE_EPOCH: look again. */
  swapScripts(couponId: CouponId, epoch: number): Promise<"CHANGED" | "UNCHANGED" | "NOT_LOADED" | "STALE_EPOCH">;
  /** `round`: of a look at many sales (`startRound`); without one, the sale's server is asked for this sale alone. */
  health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth>;
  /** Which of the sale's keys somebody wrote over with another type; null: none. For every few looks: six commands a sale. */
  brokenKey(couponId: CouponId): Promise<string | null>;
  /** Begins a look at many sales: each server is asked once who it is. */
  startRound(): ServersAsked;
}

/** What each of a sale's keys is. */
const TYPES: Readonly<Record<keyof SaleKeys, string>> = {
  sale: "hash",
  winners: "hash",
  freed: "list",
  ledger: "stream",
  status: "hash",
  asked: "hash",
};
const LOOKED_AT = ["state", "runId", "replId", "mode", "broken"] as const;
/** Fields of a loaded sale with which its scripts reckon. */
const NUMBERS = ["epoch", "total", "next", "version", "startsAt", "endsAt"] as const;
const STATES: ReadonlySet<string> = new Set(["OPEN", "PAUSED", "CLOSED", "RECOVERING"]);

function nullIfNoHash(error: unknown): null {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return null;
  throw error;
}

/** Pairs per HSET: about 50 kB on the wire and a millisecond of Redis' time, so claims of other sales hardly wait. */
const CHUNK = 1_000;
/** Servers whose scripts a loader remembers; about 30 kB each. */
const KNOWN_SERVERS = 64;
/** A loader that died leaves its shadow for so long after its last chunk. */
const SHADOW_TTL_S = 600;

export function createSaleLoading(redis: RedisConnection): SaleLoading {
  const fenceScript = new PortableScript(withIncludes(fenceText));

  /** Writes a list of words in chunks; every chunk renews the shadow's time to live. Returns what to call with each entry. */
  function shadowWriter(key: string, command: "hset" | "rpush") {
    let words: string[] = [];
    const flush = async () => {
      if (words.length === 0) return;
      const chunk = words;
      words = [];
      const written = command === "hset" ? redis.hset(key, ...chunk) : redis.rpush(key, ...chunk);
      await Promise.all([written, redis.expire(key, SHADOW_TTL_S)]).catch(rethrow);
    };
    return {
      async add(...entry: string[]) {
        words.push(...entry);
        if (words.length >= 2 * CHUNK) await flush();
      },
      flush,
    };
  }

  /** Writes both shadows; returns how many entries they have and where fresh slots begin. */
  async function build(
    shadow: ReturnType<typeof shadowKeys>,
    total: number,
    winners: Iterable<LoadedWinner> | AsyncIterable<LoadedWinner>,
    discarded: readonly number[],
  ) {
    const plan = new SlotPlan(total);
    const counts = { winners: 0, freed: 0 };
    const winnerWriter = shadowWriter(shadow.winners, "hset");
    for await (const { userId, slot, requestId } of winners) {
      plan.take(slot);
      counts.winners++;
      await winnerWriter.add(userId, `${slot} ${requestId}`);
    }
    await winnerWriter.flush();
    for (const slot of discarded) plan.take(slot);
    const freedWriter = shadowWriter(shadow.freed, "rpush");
    for (const slot of plan.freed()) {
      counts.freed++;
      await freedWriter.add(String(slot));
    }
    await freedWriter.flush();
    return { ...counts, next: plan.next };
  }

  const rendered = new LRUCache<string, RenderedScripts>({ max: KNOWN_SERVERS });
  function scriptsOf(runId: string): RenderedScripts {
    const known = rendered.get(runId);
    if (known !== undefined) return known;
    const scripts = renderSaleScripts(runId);
    rendered.set(runId, scripts);
    return scripts;
  }

  /** Puts the scripts of the server that owns the sale into its cache. */
  async function loadScripts(sale: string) {
    const server = await serverAt(redis, sale).catch(rethrow);
    const scripts = scriptsOf(server.runId);
    const load = ({ text }: { text: string }) => commandAt(redis, sale, "script", "LOAD", text);
    await Promise.all(Object.values(scripts).map(load)).catch(rethrow);
    return { ...server, scripts };
  }

  async function swapScripts(couponId: CouponId, epoch: number) {
    const { sale, freed } = saleKeys(couponId);
    const { scripts } = await loadScripts(sale);
    const args = [String(epoch)];
    for (const name of SALE_SCRIPT_NAMES) args.push(name, scripts[name].sha);
    try {
      return (await evalsha(redis, scripts.swap.sha, [sale, freed], args)) as "CHANGED";
    } catch (error) {
      if (isNoScript(error)) return "NOT_LOADED";
      return rethrow(error);
    }
  }

  async function load(...[couponId, sale, epoch, winners, options = {}]: Parameters<SaleLoading["load"]>) {
    const keys = saleKeys(couponId);
    const { runId, replId, scripts } = await loadScripts(keys.sale);
    const shadow = shadowKeys(couponId, randomBytes(9).toString("base64url"));
    const built = await build(shadow, sale.total, winners, options.discarded ?? []).catch(async (error: unknown) => {
      await redis.unlink(shadow.winners, shadow.freed).catch(() => {}); // Redis may be away: the shadow expires
      throw error;
    });
    const open = async (state: SaleTerms["state"]): Promise<LoadCode> => {
      const fields = {
        state,
        total: sale.total,
        next: built.next,
        startsAt: sale.startsAt,
        endsAt: sale.endsAt,
        mode: sale.mode,
        name: sale.name,
        runId,
        replId,
        rebuiltAt: epoch > 1 ? Date.now() : 0,
      };
      const ledgerFate = options.dropLedger ? "DROP" : "KEEP";
      const args = [epoch, built.winners, built.freed, ledgerFate, ...Object.entries(fields).flat()];
      for (const name of SALE_SCRIPT_NAMES) args.push(name, scripts[name].sha);
      const keyList = [keys.sale, keys.winners, keys.freed, keys.ledger, shadow.winners, shadow.freed];
      try {
        return (await evalsha(redis, scripts.load.sha, keyList, args.map(String))) as "LOADED";
      } catch (error) {
        if (isNoScript(error)) return "STALE_RUN_ID";
        return rethrow(error);
      }
    };
    const outcome = await (options.lastStep?.(open) ?? open(sale.state));
    if (outcome === "OVERTAKEN") await redis.unlink(shadow.winners, shadow.freed).catch(() => {}); // they expire
    return outcome;
  }

  async function health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth> {
    const { sale } = saleKeys(couponId);
    const [fields, server] = await Promise.all([
      redis.hmget(sale, ...LOOKED_AT, ...NUMBERS, ...SALE_SCRIPT_NAMES).catch(nullIfNoHash),
      round?.at(sale) ?? serverAt(redis, sale),
    ]).catch(rethrow);
    const { runId } = server;
    const nothing = { loaded: false, epoch: 0, state: null, total: null, runId };
    if (fields === null) return { ...nothing, reason: "BROKEN", detail: "sale is no hash" };
    const [state, loadedBy, history, mode, brokenPart] = fields;
    const numbers = fields.slice(LOOKED_AT.length, LOOKED_AT.length + NUMBERS.length);
    const shas = fields.slice(LOOKED_AT.length + NUMBERS.length);
    const [epoch, total] = numbers;
    const isEpoch = epoch != null && isEpochText(epoch);
    const found = {
      epoch: isEpoch ? Number(epoch) : 0,
      state: (state ?? null) as StoredState | null,
      total: total == null ? null : Number(total),
      runId,
    };
    const broken = (reason: NonNullable<SaleHealth["reason"]>) => ({ ...found, loaded: false, reason });
    if (state === "RECOVERING") return broken("RECOVERING");
    const known = shas.filter((sha) => sha != null);
    if (total == null || known.length === 0) return broken("MISSING");
    // A sale may start before 1970.
    const wrong: string[] = NUMBERS.filter((_, i) => !/^-?\d{1,15}$/.test(numbers[i] ?? ""));
    if (!isEpoch) wrong.push("epoch");
    const next = Number(numbers[NUMBERS.indexOf("next")]);
    if (next < 0 || next > Number(total)) wrong.push("next");
    if (state == null || !STATES.has(state)) wrong.push("state");
    if (mode !== "DIRECT" && mode !== "QUEUED") wrong.push("mode");
    if (wrong.length > 0) return { ...broken("BROKEN"), detail: `sale: ${[...new Set(wrong)].join(", ")}` };
    if (brokenPart != null) return { ...broken("BROKEN"), detail: `${brokenPart} holds a value that is no win` };
    const isOther = loadedBy !== server.runId;
    // It was somebody's replica since the load, and came back with its scripts but perhaps without its last claims.
    if (isOther || (history !== server.replId && server.promoted)) {
      // The round's answer may be older than the sale's fields, or another server's if slots are moving: ask for this one.
      return round === undefined ? broken(isOther ? "RUN_ID" : "FAILOVER") : health(couponId);
    }
    const exist = (await commandAt(redis, sale, "script", "EXISTS", ...known).catch(rethrow)) as number[];
    if (exist.some((one) => one !== 1)) return broken("SCRIPTS");
    const ours = scriptsOf(server.runId);
    const isOutdated = SALE_SCRIPT_NAMES.some((name, i) => ours[name].sha !== shas[i]);
    return { ...found, loaded: true, isOutdated };
  }

  async function brokenKey(couponId: CouponId): Promise<string | null> {
    const keys = saleKeys(couponId);
    const names = Object.keys(TYPES) as (keyof SaleKeys)[];
    const types = await Promise.all(names.map((name) => redis.type(keys[name]))).catch(rethrow);
    return names.find((name, i) => types[i] !== "none" && types[i] !== TYPES[name]) ?? null;
  }

  return {
    brokenKey,

    runId: async (couponId) => (await serverAt(redis, saleKeys(couponId).sale).catch(rethrow)).runId,

    async fence(couponId, epoch) {
      const { sale, winners, freed, ledger, status, asked } = saleKeys(couponId);
      const keys = [sale, winners, freed, ledger, status, asked];
      return (await fenceScript.run(redis, keys, [String(epoch)])) as "CHANGED";
    },

    load,

    swapScripts,

    startRound: () => new ServersAsked(redis),

    health,
  };
}

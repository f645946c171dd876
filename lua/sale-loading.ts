import { randomBytes } from "node:crypto";
import type { CouponId, RequestId, UserId } from "../contracts/ids.ts";
import type { StoredState } from "./claim-batch.ts";
import { commandAt, evalsha, ServersAsked, serverAt } from "./commands.ts";
import fenceText from "./fence.lua" with { type: "text" };
import { saleKeys, shadowKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { isNoScript, rethrow } from "./redis-failure.ts";
import { renderSaleScripts, SALE_SCRIPT_NAMES, withAnnouncement } from "./sale-script-text.ts";
import { PortableScript } from "./script.ts";
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
}

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
  /**
   * What is wrong: no hash (or only a fence) · state RECOVERING · loaded on another server process · loaded here, but
   * another server was master meanwhile · scripts gone.
   */
  readonly reason?: "MISSING" | "RECOVERING" | "RUN_ID" | "FAILOVER" | "SCRIPTS";
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
  ): Promise<"LOADED" | "STALE_EPOCH" | "STALE_RUN_ID">;
  /** `round`: of a look at many sales (`startRound`); without one, the sale's server is asked for this sale alone. */
  health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth>;
  /** Begins a look at many sales: each server is asked once who it is. */
  startRound(): ServersAsked;
}

/** Pairs per HSET: about 50 kB on the wire and a millisecond of Redis' time, so claims of other sales hardly wait. */
const CHUNK = 1_000;
/** A loader that died leaves its shadow for so long after its last chunk. */
const SHADOW_TTL_S = 600;

export function createSaleLoading(redis: RedisConnection): SaleLoading {
  const fenceScript = new PortableScript(withAnnouncement(fenceText));

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

  async function load(...[couponId, sale, epoch, winners, options = {}]: Parameters<SaleLoading["load"]>) {
    const keys = saleKeys(couponId);
    const { runId, replId } = await serverAt(redis, keys.sale).catch(rethrow);
    const scripts = renderSaleScripts(runId);
    await Promise.all(
      Object.values(scripts).map(({ text }) => commandAt(redis, keys.sale, "script", "LOAD", text)),
    ).catch(rethrow);

    const shadow = shadowKeys(couponId, randomBytes(9).toString("base64url"));
    const built = await build(shadow, sale.total, winners, options.discarded ?? []).catch(async (error: unknown) => {
      await redis.unlink(shadow.winners, shadow.freed).catch(() => {}); // Redis may be away: the shadow expires
      throw error;
    });
    const fields = {
      state: sale.state,
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
    const args = [
      epoch,
      built.winners,
      built.freed,
      options.dropLedger ? "DROP" : "KEEP",
      ...Object.entries(fields).flat(),
    ];
    for (const name of SALE_SCRIPT_NAMES) args.push(name, scripts[name].sha);
    const keyList = [keys.sale, keys.winners, keys.freed, keys.ledger, shadow.winners, shadow.freed];
    try {
      return (await evalsha(redis, scripts.load.sha, keyList, args.map(String))) as "LOADED";
    } catch (error) {
      if (isNoScript(error)) return "STALE_RUN_ID";
      return rethrow(error);
    }
  }

  async function health(couponId: CouponId, round?: ServersAsked): Promise<SaleHealth> {
    const { sale } = saleKeys(couponId);
    const [fields, server] = await Promise.all([
      redis.hmget(sale, "epoch", "state", "runId", "replId", "total", ...SALE_SCRIPT_NAMES),
      round?.at(sale) ?? serverAt(redis, sale),
    ]).catch(rethrow);
    const [epoch, state, loadedBy, history, total, ...shas] = fields;
    const found = {
      epoch: Number(epoch ?? 0),
      state: (state ?? null) as StoredState | null,
      total: total == null ? null : Number(total),
      runId: server.runId,
    };
    const broken = (reason: NonNullable<SaleHealth["reason"]>) => ({ ...found, loaded: false, reason });
    if (state === "RECOVERING") return broken("RECOVERING");
    if (total == null || shas.some((sha) => sha == null)) return broken("MISSING");
    const isOther = loadedBy !== server.runId;
    // It was somebody's replica since the load, and came back with its scripts but perhaps without its last claims.
    if (isOther || (history !== server.replId && server.promoted)) {
      // The round's answer may be older than the sale's fields, or another server's if slots are moving: ask for this one.
      return round === undefined ? broken(isOther ? "RUN_ID" : "FAILOVER") : health(couponId);
    }
    const exist = (await commandAt(redis, sale, "script", "EXISTS", ...(shas as string[])).catch(rethrow)) as number[];
    return exist.every((one) => one === 1) ? { ...found, loaded: true } : broken("SCRIPTS");
  }

  return {
    runId: async (couponId) => (await serverAt(redis, saleKeys(couponId).sale).catch(rethrow)).runId,

    async fence(couponId, epoch) {
      return (await fenceScript.run(redis, [saleKeys(couponId).sale], [String(epoch)])) as "CHANGED";
    },

    load,

    startRound: () => new ServersAsked(redis),

    health,
  };
}

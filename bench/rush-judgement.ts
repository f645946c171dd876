import type { ListeningCrowd } from "./crowd/crowd.ts";
import type { Figures } from "./figures.ts";
import type { MeasuredLoad } from "./load/measure.ts";
import type { LoadResult } from "./load/plan.ts";
import type { IssuedRow } from "./rows.ts";

/** What came of a rush. Seconds count from the first request; null: it did not happen within the time allowed. */
export interface RushResult {
  readonly couponId: string;
  readonly load: LoadResult;
  readonly figures: Figures;
  /** Answers 202. */
  readonly winners: number;
  readonly oversold: number;
  /** Users, slots or request ids that occur twice, in the answers or in PostgreSQL. */
  readonly duplicates: number;
  /** 202 answers without their row. */
  readonly lost: number;
  readonly persisted: number;
  readonly soldOutS: number | null;
  readonly persistedS: number | null;
  readonly sockets: SocketOutcome;
  /** Sentences; empty when everything is as promised. */
  readonly wrong: readonly string[];
}

export interface SocketOutcome {
  readonly open: number;
  readonly winners: number;
  readonly told: number;
  readonly lastToldS: number | null;
  readonly heardSoldOut: number;
  /** From the first socket that heard of the end to the last one, milliseconds. */
  readonly soldOutSpreadMs: number | null;
  readonly dropped: number;
}

export interface RushFacts {
  readonly couponId: string;
  readonly users: number;
  readonly coupons: number;
  readonly measured: MeasuredLoad;
  readonly issued: readonly IssuedRow[];
  readonly crowd: Pick<ListeningCrowd, "userIds" | "told" | "heardSoldOut" | "dropped">;
  /** `performance.now()` when as many rows as 202 answers were seen; null: never. */
  readonly reachedAt: number | null;
}

/** Judges a rush by its answers, its rows and its sockets, without trusting any single one of them. */
export function judgeRush(facts: RushFacts): RushResult {
  const { couponId, users, coupons, measured, issued, reachedAt } = facts;
  const load = measured.result;
  const { wins } = load;
  const byRequest = new Map(issued.map((row) => [row.requestId, row]));
  const lost = wins.filter((win) => byRequest.get(win.requestId)?.slot !== win.slot).length;
  const duplicates =
    doubles(wins.map((win) => win.user)) +
    doubles(wins.map((win) => win.slot)) +
    doubles(issued.map((row) => row.userId)) +
    doubles(issued.map((row) => row.slot)) +
    doubles(issued.map((row) => row.requestId));
  const result = {
    couponId,
    load,
    figures: measured.figures,
    winners: wins.length,
    oversold: Math.max(0, issued.length - coupons, wins.length - coupons),
    duplicates,
    lost,
    persisted: issued.length,
    soldOutS: wins.length >= coupons ? load.lastWinS : null,
    persistedS: reachedAt === null ? null : (reachedAt - measured.startedAt) / 1000,
    sockets: whoHeard(facts),
  };
  return { ...result, wrong: complaints(result, users, coupons) };
}

/** The listeners who hold a coupon. */
export function winningListeners(crowd: Pick<ListeningCrowd, "userIds">, issued: readonly IssuedRow[]): string[] {
  const winners = new Set(issued.map((row) => row.userId));
  return crowd.userIds.filter((userId) => winners.has(userId));
}

function whoHeard({ crowd, issued, measured: { startedAt } }: RushFacts): SocketOutcome {
  const requestOf = new Map(issued.map((row) => [row.userId, row.requestId]));
  const winners = winningListeners(crowd, issued);
  const told = winners.map((userId) => crowd.told.get(userId)).filter((news) => news !== undefined);
  const right = winners.filter((userId) => crowd.told.get(userId)?.requestId === requestOf.get(userId));
  const { heardSoldOut } = crowd;
  return {
    open: crowd.userIds.length,
    winners: winners.length,
    told: right.length,
    lastToldS: told.length === 0 ? null : (Math.max(...told.map((news) => news.at)) - startedAt) / 1000,
    heardSoldOut: heardSoldOut.length,
    soldOutSpreadMs: heardSoldOut.length === 0 ? null : heardSoldOut.at(-1)! - heardSoldOut[0]!,
    dropped: crowd.dropped,
  };
}

function complaints(result: Omit<RushResult, "wrong">, users: number, coupons: number): string[] {
  const { winners, oversold, duplicates, lost, persisted, persistedS, load, sockets } = result;
  const expected = Math.min(users, coupons);
  const wrong: string[] = [];
  if (load.errors > 0) wrong.push(`${load.errors} requests got no answer`);
  if (load.requests !== users) wrong.push(`${load.requests} of ${users} people were answered`);
  if (oversold > 0) wrong.push(`${oversold} coupons oversold`);
  if (persisted !== expected) wrong.push(`${persisted} coupons issued instead of ${expected}`);
  // An answer may have been lost on its way while the win was kept; with every answer in, the two must agree.
  if (load.errors === 0 && winners !== expected) wrong.push(`${winners} people were told 202 instead of ${expected}`);
  if (duplicates > 0) wrong.push(`${duplicates} duplicates`);
  if (lost > 0) wrong.push(`${lost} winners were lost`);
  if (persistedS === null) wrong.push("not all winners were persisted in time");
  if (sockets.told < sockets.winners) wrong.push(`${sockets.winners - sockets.told} winners were not told`);
  if (users > coupons && sockets.heardSoldOut < sockets.open) {
    wrong.push(`${sockets.open - sockets.heardSoldOut} listeners did not hear of the end`);
  }
  if (sockets.dropped > 0) wrong.push(`${sockets.dropped} sockets were dropped`);
  return wrong;
}

const doubles = (values: readonly unknown[]) => values.length - new Set(values).size;

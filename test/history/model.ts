import fc from "fast-check";
import { GATE_TTL_MS } from "./check-refusals.ts";
import type {
  ClaimAnswer,
  ClaimCall,
  Fence,
  HistoryAlias,
  HistoryRow,
  OperatorRevocation,
  Told,
  TotalSet,
} from "./history.ts";

/** What happens to a model sale; times are milliseconds after the act before (`gap`), then from step to step. */
export const act = fc.record({
  kind: fc.constantFrom(...(["claim", "claim", "claim", "claim", "claim", "revoke", "resize", "loss"] as const)),
  gap: fc.nat(400),
  user: fc.nat(7),
  decideAfter: fc.integer({ min: 1, max: 300 }),
  answerAfter: fc.integer({ min: 1, max: 300 }),
  /** Whether the request never arrives, or its answer never does, or the gateway says 503 after Redis has decided. */
  trouble: fc.constantFrom("none", "none", "none", "request", "answer", "503"),
  /** Of a claim whose answer is lost: whether Redis' memory is the only place it is in. */
  logged: fc.boolean(),
  /** Whether it comes out of the log only after a rebuild. */
  late: fc.boolean(),
  /** Whether a gateway answers from its memory, if it may. */
  remembered: fc.boolean(),
  size: fc.integer({ min: -2, max: 3 }),
});
export type Act = ReturnType<typeof act.generate>["value"];

interface Win {
  readonly userId: string;
  readonly requestId: string;
  slot: number;
  epoch: number;
  logged: boolean;
  late: boolean;
}

type Write<T> = { -readonly [K in keyof T]: T[K] };
export interface Tale {
  readonly history: {
    claims: Write<ClaimCall>[];
    statusReads: never[];
    told: Write<Told>[];
    revocations: OperatorRevocation[];
    totals: TotalSet[];
    losses: number[];
  };
  readonly facts: { total: number; rows: Write<HistoryRow>[]; aliases: HistoryAlias[]; fences: Fence[] };
}

/** From a rebuild until the log's last claims of before arrive. */
const LATE_MS = 50;

/** A sale that keeps every promise, as its clients see it: the checker must find nothing in any of these. */
export function tell(total: number, acts: readonly Act[]): Tale {
  const tale: Tale = {
    history: { claims: [], statusReads: [], told: [], revocations: [], losses: [], totals: [] },
    facts: { total, rows: [], aliases: [], fences: [] },
  };
  const { history, facts } = tale;
  history.totals.push({ invokedAt: -2, answeredAt: -1, total });
  const winners = new Map<string, Win>();
  const arrivals: Win[] = [];
  let epoch = 1;
  let recovering = false;
  let soldOutAt = Number.NEGATIVE_INFINITY;
  let requests = 0;

  const freeSlot = (): number | undefined => {
    const taken = new Set([...winners.values()].map(({ slot }) => slot));
    for (let slot = 1; slot <= facts.total; slot++) if (!taken.has(slot)) return slot;
    return undefined;
  };
  const say = (win: Win, word: Told["word"], at: number) =>
    history.told.push({ at, userId: win.userId, requestId: win.requestId, word, slot: null, reason: null });
  const bury = (win: Win) =>
    facts.rows.push({ userId: win.userId, requestId: win.requestId, slot: null, revoked: true, epoch: win.epoch });

  function decide(userId: string, { logged, late, trouble, remembered }: Act, invokedAt: number): ClaimAnswer {
    if (recovering) return { kind: "refused", code: "SALE_RECOVERING" };
    const won = winners.get(userId);
    if (won !== undefined) {
      won.logged ||= trouble === "none";
      return accepted(won, true);
    }
    if (remembered && soldOutAt >= invokedAt - GATE_TTL_MS) return { kind: "refused", code: "SOLD_OUT" };
    const slot = freeSlot();
    if (slot === undefined) return { kind: "refused", code: "SOLD_OUT" };
    // A client that gets 202 has Kafka's acknowledgement.
    const win = { userId, requestId: `request-${++requests}`, slot, epoch, late, logged: logged || trouble === "none" };
    winners.set(userId, win);
    return accepted(win, false);
  }

  function claim(one: Act, invokedAt: number): () => void {
    const userId = `user-${one.user}`;
    const unknown = { kind: "unknown", why: "ECONNRESET" } as const;
    const call: Write<ClaimCall> = {
      ...{ userId, via: "http", gateway: "a", invokedAt },
      ...{ answeredAt: Number.POSITIVE_INFINITY, answer: unknown },
    };
    history.claims.push(call);
    return () => {
      if (one.trouble === "request") return;
      const answer = decide(userId, one, invokedAt);
      if (one.trouble === "answer") return;
      call.answer = one.trouble === "503" ? { kind: "refused", code: "SALE_RECOVERING" } : answer;
      call.answeredAt = invokedAt + one.decideAfter + one.answerAfter;
    };
  }

  function revoke({ user, decideAfter, answerAfter }: Act, invokedAt: number): void {
    const win = winners.get(`user-${user}`);
    if (win === undefined || recovering) return;
    winners.delete(win.userId);
    bury(win);
    say(win, "FAILED", invokedAt + decideAfter);
    history.revocations.push({ userId: win.userId, invokedAt, answeredAt: invokedAt + decideAfter + answerAfter });
  }

  function resize({ size, decideAfter, answerAfter }: Act, invokedAt: number): void {
    const highest = Math.max(1, ...[...winners.values()].map(({ slot }) => slot));
    if (recovering) return;
    facts.total = Math.max(highest, facts.total + size);
    history.totals.push({ invokedAt, answeredAt: invokedAt + decideAfter + answerAfter, total: facts.total });
  }

  function lose(at: number): void {
    history.losses.push(at);
    recovering = true;
  }

  /** Redis forgets who was nowhere else; what comes late out of the log is decided again, or finds its user a winner. */
  function rebuild(): void {
    for (const win of winners.values()) {
      if (win.logged && !win.late) continue;
      winners.delete(win.userId);
      if (win.logged) arrivals.push({ ...win, late: false });
    }
    recovering = false;
  }

  function arrive(at: number): void {
    for (const win of arrivals.splice(0)) {
      const newer = winners.get(win.userId);
      const slot = freeSlot();
      if (newer !== undefined) {
        newer.logged = true; // an alias waits until its original is persisted
        facts.aliases.push({ userId: win.userId, requestId: win.requestId, originalRequestId: newer.requestId });
      } else if (slot !== undefined) {
        winners.set(win.userId, { ...win, slot, epoch });
      } else {
        bury(win);
        say(win, "FAILED", at);
      }
    }
  }
  const steps: { at: number; run: () => void }[] = [];
  let now = 0;
  let openAt = 0;
  for (const one of acts) {
    // Losses come one after the other; everything else goes on meanwhile.
    now = one.kind === "loss" ? Math.max(now + one.gap, openAt + LATE_MS) : now + one.gap;
    const at = now;
    const decidedAt = at + one.decideAfter;
    if (one.kind === "claim") steps.push({ at: decidedAt, run: claim(one, at) });
    else if (one.kind === "revoke") steps.push({ at: decidedAt, run: () => revoke(one, at) });
    else if (one.kind === "resize") steps.push({ at: decidedAt, run: () => resize(one, at) });
    else {
      openAt = decidedAt + 200 + 5 * one.answerAfter;
      const arriveAt = openAt + LATE_MS;
      steps.push({ at, run: () => lose(at) });
      steps.push({ at: decidedAt, run: () => void facts.fences.push({ epoch: ++epoch, at: decidedAt }) });
      steps.push({ at: openAt, run: rebuild }, { at: arriveAt, run: () => arrive(arriveAt) });
    }
  }
  for (const { at, run } of steps.sort((a, b) => a.at - b.at)) {
    if (!recovering && freeSlot() === undefined) soldOutAt = at;
    run();
  }
  for (const win of winners.values()) {
    const { userId, requestId, slot } = win;
    facts.rows.push({ userId, requestId, slot, revoked: false, epoch: win.epoch });
    history.told.push({ at: now + 1_000, userId, requestId, word: "ISSUED", slot, reason: null });
  }
  return tale;
}

function accepted({ requestId, slot, userId }: Win, repeat: boolean): ClaimAnswer {
  return { kind: "accepted", requestId, slot, receipt: `receipt of ${requestId} for ${userId}`, repeat };
}

import type { Demand, HistoryRule } from "./history.ts";
import { CLOCK_TOLERANCE_MS, indexed } from "./known.ts";
import type { Tale } from "./model.ts";

/**
 * How each promise can be broken in a healthy tale: changes it (and what the test demands), or returns false when it has
 * nothing to break. `pick` chooses among the candidates.
 */
export type Plant = (tale: Tale, pick: <T>(from: readonly T[]) => T | undefined, demand: Write<Demand>) => boolean;
type Write<T> = { -readonly [K in keyof T]: T[K] };

const held = ({ facts }: Tale) => facts.rows.filter(({ revoked }) => !revoked);
/** Claims with a fresh acceptance whose own row is a coupon. */
function kept({ history, facts }: Tale) {
  return history.claims.flatMap((claim) => {
    const { answer } = claim;
    if (answer.kind !== "accepted") return [];
    const row = facts.rows.find(({ requestId }) => requestId === answer.requestId);
    return row === undefined || row.revoked ? [] : [{ claim, answer, row }];
  });
}
const isRevoked = ({ history }: Tale, user: string) => history.revocations.some(({ userId }) => userId === user);

export const PLANTS: Readonly<Record<HistoryRule, Plant>> = {
  OVERSOLD: (tale) => {
    const { facts, history } = tale;
    for (let i = held(tale).length; i <= facts.total; i++) {
      const userId = `extra-${i}`;
      facts.rows.push({ userId, requestId: `extra-request-${i}`, slot: i + 1, revoked: false, epoch: 1 });
      const never = Number.POSITIVE_INFINITY;
      const call = { userId, via: "http", gateway: "a", invokedAt: 0, answeredAt: never } as const;
      history.claims.push({ ...call, answer: { kind: "unknown", why: "planted" } });
    }
    return true;
  },
  NOT_EXACTLY: (tale, _pick, demand) => {
    demand.winners = held(tale).length + 1;
    return true;
  },
  TWO_FOR_ONE_USER: (tale, pick) => {
    const row = pick(held(tale));
    if (row !== undefined) tale.facts.rows.push({ ...row, requestId: `${row.requestId}-again`, slot: row.slot! + 1 });
    return row !== undefined;
  },
  SLOT_TWICE: (tale, pick) => {
    const [one, ...others] = held(tale);
    const other = pick(others);
    if (one === undefined || other === undefined) return false;
    other.slot = one.slot;
    return true;
  },
  SLOT_OUT_OF_RANGE: (tale, pick) => {
    const row = pick(held(tale));
    if (row !== undefined) row.slot = pick([0, tale.facts.total + 1])!;
    return row !== undefined;
  },
  UNEXPLAINED_WINNER: ({ facts, history }) => {
    facts.rows.push({ userId: "nobody", requestId: "unasked", slot: facts.total, revoked: false, epoch: 1 });
    return history !== undefined;
  },
  VANISHED: (tale, pick) => {
    const one = pick(kept(tale));
    if (one !== undefined) tale.facts.rows.splice(tale.facts.rows.indexOf(one.row), 1);
    return one !== undefined;
  },
  GIVEN_UP_UNTOLD: (tale, pick) => {
    const one = pick(kept(tale));
    if (one === undefined) return false;
    Object.assign(one.row, { slot: null, revoked: true });
    tale.history.told = tale.history.told.filter(({ requestId }) => requestId !== one.row.requestId);
    return true;
  },
  GIVEN_UP_TOO_OFTEN: (tale, pick, demand) => {
    const one = pick(kept(tale).filter(({ row }) => !isRevoked(tale, row.userId)));
    if (one === undefined) return false;
    Object.assign(one.row, { slot: null, revoked: true });
    for (const told of tale.history.told) if (told.requestId === one.row.requestId) told.word = "FAILED";
    demand.givenUp = 0;
    return true;
  },
  FAILED_AND_PERSISTED: (tale, pick) => {
    const row = pick(held(tale));
    if (row === undefined) return false;
    const { userId, requestId } = row;
    tale.history.told.push({ at: 1, userId, requestId, word: "FAILED", slot: null, reason: "SOLD_OUT" });
    return true;
  },
  ISSUED_WITHOUT_ROW: ({ history }) => {
    history.told.push({ at: 1, userId: "user-1", requestId: "dreamt", word: "ISSUED", slot: 1, reason: null });
    return true;
  },
  ISSUED_THEN_GIVEN_UP: (tale, pick) => {
    // The tale told every holder ISSUED.
    const row = pick(held(tale).filter(({ userId }) => !isRevoked(tale, userId)));
    if (row !== undefined) Object.assign(row, { slot: null, revoked: true });
    return row !== undefined;
  },
  SLOT_DIFFERS: (tale, pick) => {
    const told = pick(tale.history.told.filter(({ word, slot }) => word === "ISSUED" && slot !== null));
    if (told !== undefined) told.slot = told.slot! + 1;
    return told !== undefined;
  },
  REPEAT_DIFFERS: (tale, pick) => {
    const one = pick(kept(tale).filter(({ answer }) => answer.repeat && isAgain(tale, answer.requestId)));
    if (one !== undefined) one.claim.answer = { ...one.answer, requestId: "another" };
    return one !== undefined;
  },
  REQUEST_FORGOTTEN: (tale, pick) => {
    const one = pick(kept(tale));
    if (one === undefined) return false;
    const at = one.claim.answeredAt;
    const { userId, requestId } = one.row;
    const read = { userId, requestId, invokedAt: at + 1, answeredAt: at + 2, status: "NOT_FOUND" } as const;
    (tale.history.statusReads as object[]).push({ ...read, slot: null, reason: null });
    return true;
  },
  WINNER_REFUSED: (tale, pick) => {
    const { fences } = tale.facts;
    const steady = kept(tale).filter(({ claim, row }) => {
      return !isRevoked(tale, row.userId) && !fences.some(({ at }) => at >= claim.invokedAt - CLOCK_TOLERANCE_MS);
    });
    const one = pick(steady);
    if (one === undefined) return false;
    const { answeredAt } = one.claim;
    const refused = { invokedAt: answeredAt + 1, answeredAt: answeredAt + 2 };
    tale.history.claims.push({ ...one.claim, ...refused, answer: { kind: "refused", code: "SOLD_OUT" } });
    return true;
  },
  SOLD_OUT_TOO_EARLY: ({ history }) => {
    const call = { userId: "early", via: "http", gateway: "a", invokedAt: -2, answeredAt: -1 } as const;
    history.claims.push({ ...call, answer: { kind: "refused", code: "SOLD_OUT" } });
    return true;
  },
  DECIDED_UNFENCED: (tale, pick) => {
    const { fences } = tale.facts;
    const aliases = new Set(tale.facts.aliases.map(({ requestId }) => requestId));
    const calm = kept(tale).filter(({ claim, answer }) => {
      const near = fences.some(({ at }) => at >= claim.invokedAt - 200 && at <= claim.answeredAt + 200);
      return !near && !aliases.has(answer.requestId);
    });
    const one = pick(calm);
    if (one === undefined) return false;
    tale.history.losses.push(one.claim.invokedAt);
    tale.history.losses.sort((a, b) => a - b);
    return true;
  },
  NO_RECEIPT: (tale, pick) => {
    const one = pick(kept(tale));
    if (one !== undefined) one.claim.answer = { ...one.answer, receipt: null };
    return one !== undefined;
  },
  RECEIPT_WRONG: (tale, pick) => {
    const one = pick(kept(tale).filter(({ answer }) => isAgain(tale, answer.requestId)));
    if (one !== undefined) one.claim.answer = { ...one.answer, receipt: "forged" };
    return one !== undefined;
  },
};

/** Whether a request was answered at least twice, so that one answer can contradict the other. */
const isAgain = ({ history, facts }: Tale, requestId: string): boolean =>
  indexed(history, facts).acceptances.filter(({ answer }) => answer.requestId === requestId).length > 1;

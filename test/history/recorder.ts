import { saleOfRequest } from "../../contracts/wire/ids.ts";
import type { ServerMessage } from "../../contracts/wire/socket-messages.ts";
import type { ClaimAnswer, ClaimCall, History, OperatorRevocation, StatusRead, Told, TotalSet } from "./history.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

const nothing = (): Mutable<History> => ({
  claims: [],
  statusReads: [],
  told: [],
  revocations: [],
  totals: [],
  losses: [],
});

/** A claim that is under way; `answered` takes the first answer only. */
export type OpenClaim = (answer: ClaimAnswer) => void;

/** Keeps what the clients of this process do and hear, sale by sale, on this process's monotonic clock. */
export class Recorder {
  readonly #sales = new Map<string, Mutable<History>>();
  readonly #losses: number[] = [];

  #of(couponId: string): Mutable<History> {
    let history = this.#sales.get(couponId);
    if (history === undefined) {
      history = nothing();
      this.#sales.set(couponId, history);
    }
    return history;
  }

  /** A claim is being sent now. Until the returned function is called, its outcome is unknown. */
  claim(couponId: string, call: Pick<ClaimCall, "userId" | "via" | "gateway">): OpenClaim {
    const claim: Mutable<ClaimCall> = {
      ...call,
      invokedAt: performance.now(),
      answeredAt: Number.POSITIVE_INFINITY,
      answer: { kind: "unknown", why: "no answer" },
    };
    this.#of(couponId).claims.push(claim);
    let open = true;
    return (answer) => {
      if (!open) return;
      open = false;
      claim.answer = answer;
      if (answer.kind !== "unknown") claim.answeredAt = performance.now();
    };
  }

  statusRead(read: StatusRead): void {
    this.#of(saleOfRequest(read.requestId as never)).statusReads.push(read);
  }

  /** A message on a user's socket; only personal ones are kept. */
  heard(userId: string, message: ServerMessage): void {
    const at = performance.now();
    const tell = (couponId: string, told: Omit<Told, "at" | "userId">) =>
      void this.#of(couponId).told.push({ at, userId, ...told });
    if (message.type === "coupon.issued") {
      const { couponId, requestId, slot } = message;
      tell(couponId, { requestId, slot, word: "ISSUED", reason: null });
    } else if (message.type === "coupon.failed") {
      const { couponId, requestId, reason } = message;
      tell(couponId, { requestId, slot: null, word: "FAILED", reason });
    } else if (message.type === "resync") {
      for (const { couponId, requestId, slot, status } of message.coupons) {
        if (status !== "REVOKED") tell(couponId, { requestId, slot, word: "ISSUED", reason: null });
      }
    }
  }

  revoked(couponId: string, revocation: OperatorRevocation): void {
    this.#of(couponId).revocations.push(revocation);
  }

  total(couponId: string, set: TotalSet): void {
    this.#of(couponId).totals.push(set);
  }

  /** From now on Redis may have forgotten everything. Call it when the old one surely answers no more. */
  redisLost(): void {
    this.#losses.push(performance.now());
  }

  /** All of one sale, from its creation. Requests that are still under way stand there with an unknown outcome. */
  history(couponId: string): History {
    const history = this.#of(couponId);
    const since = Math.min(...[...history.totals, ...history.claims].map(({ invokedAt }) => invokedAt));
    return { ...history, losses: this.#losses.filter((at) => at >= since) };
  }
}

/**
 * What all clients of this process do. One for the process, because a test's requests come from many places and a claim
 * that is recorded nowhere would be missing for ever.
 */
export const recorder = new Recorder();

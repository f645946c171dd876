import { BrokenCircuitError, CircuitState, CountBreaker, circuitBreaker, handleWhen } from "cockatiel";
import type { Step } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { sqlState } from "../../db/errors.ts";

/** How ill a step's neighbour must be before its requests are parked instead of tried. */
export interface BreakerRule {
  /** It opens when more than this share of the last `of` batches failed, and there were at least `atLeast`. */
  readonly share: number;
  readonly of: number;
  readonly atLeast: number;
  /** So long it stays open; then one batch tries. Milliseconds. */
  readonly openMs: number;
  /** So long a batch waits for a row that somebody holds. Milliseconds. */
  readonly lockMs: number;
}

const LOCK_MS = 5_000;
export const BREAKERS: Readonly<Partial<Record<Step, BreakerRule>>> = {
  STOCK: { share: 0.5, of: 10, atLeast: 5, openMs: 30_000, lockMs: LOCK_MS },
  COUPON: { share: 0.6, of: 8, atLeast: 3, openMs: 20_000, lockMs: LOCK_MS },
};

/** Locks that were not given, statements that were cancelled, a server without room. */
const ILL = /^(55P03|57014|53|40)/;

/**
 * Whether a neighbour is ill in a way that parking helps against. A database that is away altogether is waited for in
 * place: parking needs it too. What a batch decides, refusals among it, is a success.
 */
export function isIllness(error: unknown): boolean {
  if (error instanceof StampedeError) return error.retryable;
  return ILL.test(sqlState(error) ?? "");
}

export interface StepBreaker {
  /** @returns null when it is open: nothing was tried. @throws what `work` throws */
  run<T>(work: () => Promise<T>): Promise<T | null>;
}

/** @param onChange true: it opened; false: a batch went through again */
export function createBreaker(rule: BreakerRule, onChange: (open: boolean) => void): StepBreaker {
  const { share, of, atLeast, openMs } = rule;
  // cockatiel measures how long it is open by the wall clock, which may be set back by an hour. So it is told that it may
  // try at any time, and `run` measures by a clock that only goes forward.
  let openedAt = Number.NEGATIVE_INFINITY;
  const policy = circuitBreaker(handleWhen(isIllness), {
    halfOpenAfter: Number.NEGATIVE_INFINITY,
    breaker: new CountBreaker({ threshold: share, size: of, minimumNumberOfCalls: atLeast }),
  });
  policy.onStateChange((state) => {
    if (state === CircuitState.Open) {
      openedAt = performance.now();
      onChange(true);
    }
    if (state === CircuitState.Closed) onChange(false);
  });
  return {
    async run(work) {
      if (policy.state === CircuitState.Open && performance.now() - openedAt < openMs) return null;
      try {
        return await policy.execute(work);
      } catch (error) {
        if (error instanceof BrokenCircuitError) return null;
        throw error;
      }
    },
  };
}

import type { Step } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { sqlState } from "../../db/errors.ts";
import { Breaker, type BreakerRule } from "../engine/breaker.ts";

/** When a step's requests are parked instead of tried. Calls are batches. */
export interface StepBreakerRule extends BreakerRule {
  /** Lock timeout of a batch's statements, milliseconds. */
  readonly lockMs: number;
}

const LOCK_MS = 5_000;
export const BREAKERS: Readonly<Partial<Record<Step, StepBreakerRule>>> = {
  STOCK: {
    window: 10,
    minimum: 5,
    opens: (failures, calls) => failures > calls * 0.5,
    openMs: 30_000,
    lockMs: LOCK_MS,
  },
  COUPON: {
    window: 8,
    minimum: 3,
    opens: (failures, calls) => failures > calls * 0.6,
    openMs: 20_000,
    lockMs: LOCK_MS,
  },
};

/** SQL states: lock timeout (55P03), cancelled statement (57014), insufficient resources (53), rollback (40). */
const ILL = /^(55P03|57014|53|40)/;

/**
 * Whether the database or Redis is ill in a way that parking helps against. A database that does not answer at all is waited for in
 * place, because parking writes to it too. What a batch decides, refusals among it, is a success.
 */
export function isIllness(error: unknown): boolean {
  if (error instanceof StampedeError) return error.retryable;
  return ILL.test(sqlState(error) ?? "");
}

export interface StepBreaker {
  /** @returns null when it is open: nothing was tried. @throws what `work` throws */
  run<T>(work: () => Promise<T>): Promise<T | null>;
}

/** @param onChange true: it opened, or its try failed; false: a batch went through again */
export function createStepBreaker(rule: StepBreakerRule, onChange: (open: boolean) => void): StepBreaker {
  const breaker = new Breaker(rule, onChange);
  return {
    async run(work) {
      if (breaker.allowed(1, performance.now()) === 0) return null;
      const isTry = breaker.isOpen;
      try {
        const result = await work();
        breaker.count(true);
        return result;
      } catch (error) {
        if (isIllness(error)) {
          // A batch may take long to fail: the pause begins at its end.
          breaker.count(false, { notBefore: performance.now() + rule.openMs });
          if (isTry) onChange(true);
        } else if (isTry) breaker.count(true); // With any other error the database has answered.
        throw error;
      }
    },
  };
}

import { expect, test } from "bun:test";
import type { SagaInput } from "../../consumers/saga/inputs.ts";
import { handle, saga } from "../../consumers/saga/saga.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { ModeSetting } from "../../contracts/orders/saga-mode.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import { type OrderStatus, STEPS, type Step, type StepStatus } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";

/** `PAYMENT:REQUESTED`, for steps in other statuses than the ones a test is not about. */
export type StepIs = `${Step}:${StepStatus}`;

interface Options {
  readonly mode?: ModeSetting;
  readonly refusal?: ResultCode;
}

const PARALLEL: ModeSetting = { mode: "PARALLEL", parallelPercent: 100 };

/** What is published when a compensation begins, before the restores; and at its end. */
export const BEGUN = ["CompensationRequired", "OrderStatusChanged:COMPENSATING"];
export const THE_END = ["CompensationCompleted", "OrderStatusChanged:CANCELLED", "OrderCancelled"];

/** A test whose body is one sentence of given, when and then. */
export const it = (does: string, sentence: () => unknown) => test(does, () => void sentence());

/** Time in the saga's tests: one second per event, so that times tell which event wrote them. */
export const clock = (events: number) => Date.UTC(2027, 0, 1, 12) + events * 1_000;

/** `OrderStatusChanged` has one event per status. */
export const nameOf = (event: StampedeEvent): string =>
  event.type === "OrderStatusChanged" ? `${event.type}:${event.data.status}` : event.type;

export function stateAfter(events: readonly SagaInput[], options: Options = {}): SagaState {
  return events.reduce((state, event, i) => handle(state, event, at(i, options)).state, saga.initialState());
}

const at = (i: number, { mode = PARALLEL, refusal }: Options) => ({
  at: clock(i),
  mode,
  ...(refusal === undefined ? {} : { refusal }),
});

/**
 * given(what was handled before).when(an event).thenPublishes(the names, in order).thenIs(what it has become).
 * `thenPublishes` checks redelivery too: the same event, handled once more, changes nothing and publishes the same.
 */
export function given(...before: SagaInput[]) {
  return givenWith({}, ...before);
}

export function givenWith(options: Options, ...before: SagaInput[]) {
  const state = stateAfter(before, options);
  return {
    when: (input: SagaInput) => new Outcome(state, input, at(before.length, options)),
  };
}

class Outcome {
  readonly #after: ReturnType<typeof handle>;
  readonly #again: ReturnType<typeof handle>;

  constructor(before: SagaState, input: SagaInput, circumstances: Parameters<typeof handle>[2]) {
    this.#after = handle(before, input, circumstances);
    this.#again = handle(this.#after.state, input, { ...circumstances, at: circumstances.at + 500 });
  }

  get state(): SagaState {
    return this.#after.state;
  }

  get outputs(): readonly StampedeEvent[] {
    return this.#after.outputs;
  }

  thenPublishes(...names: string[]): this {
    expect(this.#after.outputs.map(nameOf)).toEqual(names);
    expect(this.#again.decisions).toEqual([]);
    expect(this.#again.state).toBe(this.#after.state);
    expect(this.#again.outputs).toEqual(this.#after.outputs as StampedeEvent[]);
    return this;
  }

  /** What the order has become; steps that are not named are not looked at. */
  thenIs(status: OrderStatus, ...steps: StepIs[]): this {
    const named = new Set(steps.map((one) => one.split(":")[0]));
    const is = STEPS.filter((step) => named.has(step)).map((step) => `${step}:${this.state.steps[step].status}`);
    expect([this.state.status, ...is.sort()]).toEqual([status, ...steps.toSorted()]);
    return this;
  }

  because(reason: ResultCode): this {
    expect(this.state.failure?.reason).toBe(reason);
    return this;
  }
}

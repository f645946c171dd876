import { expect, test } from "bun:test";
import { outstandingSteps, readSagaState, type SagaState, stepsOf, stillOpen } from "./saga-state.ts";
import { STEPS } from "./steps.ts";

const stored = (steps: Partial<SagaState["steps"]>) =>
  JSON.parse(
    JSON.stringify({ version: 1, status: "PROCESSING", stepOrder: "PARALLEL", order: {}, steps, sequence: 3 }),
  );

test("an order that was stored before a step was added does not need that step", () => {
  const { SHIPPING: _, ...earlier } = stepsOf(null);
  const state = readSagaState(stored({ ...earlier, PAYMENT: { status: "COMPLETED", completedAt: 5 } }));
  expect(Object.keys(state.steps)).toEqual([...STEPS]);
  expect(state.steps.SHIPPING).toEqual({ status: "SKIPPED" });
  expect(state.steps.PAYMENT).toEqual({ status: "COMPLETED", completedAt: 5 });
  expect(outstandingSteps(state)).toEqual([]);
  expect(stillOpen(state)).toBe(true);
});

test("a state that has all steps is read as it is stored", () => {
  const json = stored(stepsOf(null));
  expect(readSagaState(json)).toBe(json);
});

test("a state of a newer release is refused", () => {
  expect(() => readSagaState({ ...stored(stepsOf(null)), version: 2 })).toThrow("saga state of version 2");
  expect(() => readSagaState(null)).toThrow("saga state of version undefined");
});

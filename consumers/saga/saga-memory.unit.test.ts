import { expect, test } from "bun:test";
import type { PlacedOrder, SagaState } from "../../contracts/orders/saga-state.ts";
import { saga } from "./saga.ts";
import { SagaMemory } from "./saga-memory.ts";

const open: SagaState = { ...saga.initialState(), status: "PROCESSING", order: {} as PlacedOrder };
const ended: SagaState = { ...open, status: "COMPLETED" };

test("a state is recalled under its version alone", () => {
  const memory = new SagaMemory();
  memory.keep("a", { version: 2, state: open });
  expect(memory.recall("a", 2)).toBe(open);
  expect(memory.recall("a", 1)).toBeUndefined();
  expect(memory.recall("a", 3)).toBeUndefined();
  expect(memory.recall("b", 2)).toBeUndefined();
});

test("a newer version takes the place of the older one, and an order that has ended is forgotten", () => {
  const memory = new SagaMemory();
  memory.keep("a", { version: 1, state: open });
  memory.keep("a", { version: 2, state: open });
  expect(memory.recall("a", 1)).toBeUndefined();
  memory.keep("a", { version: 3, state: ended });
  expect([1, 2, 3].map((version) => memory.recall("a", version))).toEqual([undefined, undefined, undefined]);
});

test("an ended order whose effect is still being restored is remembered", () => {
  const memory = new SagaMemory();
  const sent = { by: "x", at: 1, sequence: 2 };
  const late = { ...ended, steps: { ...ended.steps, STOCK: { status: "RESTORING", sent } } } as SagaState;
  memory.keep("a", { version: 4, state: late });
  expect(memory.recall("a", 4)).toBe(late);
});

import { expect, test } from "bun:test";
import { chosenBy, modeSettingOf, parseSagaChoice, sagaView } from "./saga-mode.ts";

test.each([
  ["parallel", "parallel", { mode: "PARALLEL", parallelPercent: 100 }],
  ["sequential", "sequential", { mode: "SEQUENTIAL", parallelPercent: 100 }],
  ["adaptive", "adaptive", { mode: "ADAPTIVE", parallelPercent: 100 }],
  ["0", 0, { mode: "ROLLOUT", parallelPercent: 0 }],
  ["37", 37, { mode: "ROLLOUT", parallelPercent: 37 }],
  ["100", 100, { mode: "ROLLOUT", parallelPercent: 100 }],
] as const)("%s is a choice", (text, choice, setting) => {
  expect(parseSagaChoice(text)).toBe(choice);
  expect(modeSettingOf(choice)).toEqual(setting);
});

test.each(["", "101", "-1", "1.5", "07", "PARALLEL", "rollout"])("%p is none", (text) => {
  expect(parseSagaChoice(text)).toBeNull();
});

test("the environment chooses until an operator does", () => {
  expect(chosenBy({ ORDER_MODE: "adaptive", ORDER_PARALLEL_PERCENT: 7 })).toBe("adaptive");
  expect(chosenBy({ ORDER_MODE: "rollout", ORDER_PARALLEL_PERCENT: 7 })).toBe(7);
  expect(sagaView(null, "adaptive")).toEqual({ mode: "adaptive", from: "environment" });
  const changedAt = new Date(0);
  expect(sagaView({ value: 40, changedBy: "ann", changedAt }, "adaptive")).toEqual({
    mode: 40,
    from: "operator",
    changedBy: "ann",
    changedAt: "1970-01-01T00:00:00.000Z",
  });
});

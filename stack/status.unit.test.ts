import { expect, test } from "bun:test";
import { type ObservedService, stateOf } from "./status.ts";

const running: ObservedService = {
  record: { source: "native", wanted: 2 },
  source: "native",
  answers: true,
  alive: true,
  processes: 2,
  health: { status: "ready" },
};

test.each<[string, Partial<ObservedService>]>([
  ["up", {}],
  ["not ready", { answers: false, health: { status: "not ready", kafka: "down" } }],
  ["starting", { answers: false, health: null }],
  ["partly", { processes: 1 }],
  ["down", { processes: 0, alive: false, answers: false, health: null }],
  ["down", { record: null, processes: 0, alive: false }],
  ["up", { record: null, source: "environment", processes: 0, alive: false, health: null }],
  ["down", { record: null, source: "environment", answers: false, processes: 0, alive: false, health: null }],
])("a service is %s when it is seen so: %j", (state, seen) => {
  expect(stateOf({ ...running, ...seen })).toBe(state as "up");
});

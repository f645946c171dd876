import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { createDeadLetterMetrics } from "./metrics.ts";

test("every status is shown from the first count on, and one that has no letter any more is shown as none", async () => {
  const registry = new Registry();
  const metrics = createDeadLetterMetrics(registry);
  const shown = async () => (await registry.metrics()).match(/^stampede_dead_letters\{.*$/gm);
  metrics.counted([{ status: "EXHAUSTED", count: 2 }]);
  expect(await shown()).toContain('stampede_dead_letters{status="EXHAUSTED"} 2');
  metrics.counted([{ status: "PENDING", count: 1 }]);
  expect(await shown()).toEqual([
    'stampede_dead_letters{status="PENDING"} 1',
    'stampede_dead_letters{status="REPUBLISHED"} 0',
    'stampede_dead_letters{status="EXHAUSTED"} 0',
    'stampede_dead_letters{status="DISCARDED"} 0',
  ]);
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { check } from "./checker.ts";
import type { Demand, HistoryRule } from "./history.ts";
import { act, tell } from "./model.ts";
import { PLANTS } from "./plant.ts";

const RUNS = 400;
const story = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.array(act, { minLength: 4, maxLength: 60 }));

test("the history of a sale that keeps its promises is clean, whatever happens to it", () => {
  fc.assert(
    fc.property(story, ([total, acts]) => {
      const { history, facts } = tell(total, acts);
      const winners = facts.rows.filter(({ revoked }) => !revoked).length;
      expect(check(history, facts, { winners, givenUp: acts.length })).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});

describe("a promise that was broken on purpose is found in whatever history", () => {
  for (const [rule, plant] of Object.entries(PLANTS) as [HistoryRule, (typeof PLANTS)[HistoryRule]][]) {
    test(rule, () => {
      let planted = 0;
      fc.assert(
        fc.property(story, fc.nat(1_000), ([total, acts], choice) => {
          const tale = tell(total, acts);
          const demand: { -readonly [K in keyof Demand]: Demand[K] } = { givenUp: acts.length };
          const pick = <T>(from: readonly T[]): T | undefined => from[choice % from.length];
          fc.pre(plant(tale, pick, demand));
          planted++;
          const found = check(tale.history, tale.facts, demand);
          expect(found.map((violation) => violation.rule)).toContain(rule);
        }),
        { numRuns: RUNS, maxSkipsPerRun: 200 },
      );
      expect(planted).toBeGreaterThanOrEqual(RUNS);
    });
  }
});

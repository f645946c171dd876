import { expect, test } from "bun:test";
import { ALL_GROUPS, GROUPS, groupOf } from "./groups.ts";
import { STEP_GROUPS, STEPS } from "./orders/steps.ts";
import { allTopics } from "./topics.ts";

test("every topic that exists is read by a group, and no group reads another one", () => {
  const read = new Set<string>(ALL_GROUPS.flatMap(({ topics }) => topics));
  expect([...read].sort()).toEqual([...allTopics().keys()].sort());
});

test("a step's group reads its commands, then its restores", () => {
  expect(GROUPS.payment).toEqual(["payment-events", "payment-compensation-events"]);
  expect(groupOf("coupon-usage").topics).toEqual(["coupon-events", "coupon-compensation-events"]);
  expect(STEPS.map((step) => GROUPS[STEP_GROUPS[step]].length)).toEqual([2, 2, 2, 2, 2]);
});

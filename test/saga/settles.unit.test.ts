import { expect, test } from "bun:test";
import fc from "fast-check";
import { handle } from "../../consumers/saga/saga.ts";
import { STEPS } from "../../contracts/orders/steps.ts";
import { stories, tell } from "./story.ts";

// Messages in any order, twice, never; batches; processes that die between database and log; steps that are away; deadlines,
// cancels and commands that were not sent.

test("whatever happens on its way, an order settles with balanced books and everything said", () => {
  fc.assert(
    fc.property(stories, (story) => void tell(story, handle)),
    { numRuns: 4_000 },
  );
}, 180_000);

test("the stories reach every end and every step's every status", () => {
  const seen = new Set<string>();
  for (const story of fc.sample(stories, { numRuns: 1_500, seed: 7 })) {
    const watching: typeof handle = (...event) => {
      const handled = handle(...event);
      seen.add(handled.state.status);
      for (const step of STEPS) seen.add(`${step} ${handled.state.steps[step].status}`);
      return handled;
    };
    seen.add(`ends ${tell(story, watching).state.failure?.reason ?? "COMPLETED"}`);
  }
  const statuses = ["PENDING", "REQUESTED", "COMPLETED", "FAILED", "RESTORING", "RESTORED"];
  const all = STEPS.flatMap((step) => statuses.map((status) => `${step} ${status}`));
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...all,
      ...["COUPON SKIPPED", "POINT SKIPPED", "PAYMENT SKIPPED"],
      ...["PENDING", "PROCESSING", "CANCELLING", "COMPENSATING", "COMPLETED", "CANCELLED"],
      ...["ends COMPLETED", "ends CANCELLED_BY_USER", "ends STEP_TIMED_OUT", "ends PAYMENT_DECLINED"],
    ]),
  );
}, 180_000);

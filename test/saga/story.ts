import fc from "fast-check";
import type { handle } from "../../consumers/saga/saga.ts";
import { SAGA_MODES } from "../../contracts/orders/saga-mode.ts";
import { STEP_REFUSALS, STEPS, type Step } from "../../contracts/orders/steps.ts";
import { type Plan, SagaWorld } from "./world.ts";

/** One thing that happens: what (a number below 100), and to which (message, step, how many). */
export type Happening = readonly [what: number, which: number];

export interface Story {
  readonly plan: Plan;
  readonly happenings: readonly Happening[];
}

const refusalOf = (step: Step) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...STEP_REFUSALS[step], "INTERNAL" as const) },
  );

const plans: fc.Arbitrary<Plan> = fc.record({
  needs: fc.record({ COUPON: fc.boolean(), POINT: fc.boolean(), PAYMENT: fc.boolean() }),
  mode: fc.constantFrom(...SAGA_MODES),
  refusals: fc
    .record({
      STOCK: refusalOf("STOCK"),
      COUPON: refusalOf("COUPON"),
      POINT: refusalOf("POINT"),
      PAYMENT: refusalOf("PAYMENT"),
      SHIPPING: refusalOf("SHIPPING"),
    })
    .map((of) => Object.fromEntries(Object.entries(of).filter(([, reason]) => reason !== undefined))),
});

export const stories: fc.Arbitrary<Story> = fc.record({
  plan: plans,
  happenings: fc.array(fc.tuple(fc.nat(99), fc.nat(999)), { maxLength: 50, size: "max" }),
});

/** Tells a story to the end. @throws AssertionError: what did not hold */
export function tell({ plan, happenings }: Story, by: typeof handle): SagaWorld {
  const world = new SagaWorld(plan, by);
  for (const [what, which] of happenings) {
    happen(world, what, which);
    world.checkNow();
  }
  world.settle();
  world.checkNow();
  world.checkEnd();
  return world;
}

function happen(world: SagaWorld, what: number, which: number): void {
  const step = STEPS[which % STEPS.length]!;
  const size = 2 + (which % 4);
  if (what < 45) world.deliver(which, "handled");
  else if (what < 55) world.deliver(which, "handled, and delivered again later");
  else if (what < 67) world.deliver(which, "died between database and log");
  else if (what < 72) world.deliverBatch(size, "handled");
  else if (what < 75) world.deliverBatch(size, "handled, and delivered again later");
  else if (what < 78) world.deliverBatch(size, "died between database and log");
  else if (what < 83) world.lose(which);
  else if (what < 86) world.cancel();
  else if (what < 90) world.sweep();
  else if (what < 92) world.deadline(STEPS, which % 2 === 0);
  else if (what < 93) world.deadline([], true);
  else if (what < 96) world.setDown(step, true);
  else if (what < 98) world.setDown(step, false);
  else world.stray(step);
}

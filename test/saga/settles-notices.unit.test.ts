import { expect, test } from "bun:test";
import fc from "fast-check";
import { BROKEN } from "./broken-sagas.ts";
import { stories, tell } from "./story.ts";

// Fixed seeds: whether a mistake is found within so many stories must not be a matter of luck.
for (const [mistake, broken] of Object.entries(BROKEN)) {
  test(`the property notices a saga that ${mistake}`, () => {
    const property = fc.property(stories, (story) => void tell(story, broken));
    const { failed, errorInstance } = fc.check(property, { numRuns: 5_000, seed: 42, endOnFailure: true });
    expect(failed).toBe(true);
    expect((errorInstance as Error).name).toBe("AssertionError");
  }, 60_000);
}

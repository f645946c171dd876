import { expect, test } from "bun:test";
import fc from "fast-check";
import { BROKEN } from "./broken-sagas.ts";
import { stories, tell } from "./story.ts";

/** What the property may complain of first: the mistake's own consequences, and not any other. */
const COMPLAINTS: Readonly<Record<keyof typeof BROKEN, RegExp>> = {
  "publishes nothing for an event it knows":
    /^it ends (PROCESSING|CANCELLING|COMPENSATING)|^never said|^nothing is out/,
  "repeats commands, but no announcement": /^never said/,
  "asks a silent step once only": /^it ends (PROCESSING|CANCELLING|COMPENSATING)|^nothing is outstanding/,
  "gives a silent step up without restoring it": /^the books of a CANCELLED order|has a gap/,
  "keeps the money of a cancelled order": /^the books of a CANCELLED order|has a gap/,
  "does not wait for answers when an order fails": /^the books of a CANCELLED order/,
  "believes a late Completed after Restored": /RestoreRequested was repeated/,
  "begins again when an order is created twice": /Requested was repeated|of an order that failed|^a request to cancel/,
  "forgets a cancel that comes before its order": /^a request to cancel that came in time/,
  "ships nothing": /^a completed order lacks|^nothing is outstanding/,
  "sends a new message where it should repeat one": /Requested was repeated/,
  "requests on after a failure": /is requested of an order that failed/,
  "takes a cancel after the payment, and forgets the money": /^the books of a CANCELLED order/,
};

// Fixed seeds: whether a mistake is found within so many stories must not be a matter of luck.
for (const [mistake, complaint] of Object.entries(COMPLAINTS)) {
  test(`the property notices a saga that ${mistake}`, () => {
    const broken = BROKEN[mistake as keyof typeof BROKEN];
    const property = fc.property(stories, (story) => void tell(story, broken));
    const { failed, errorInstance } = fc.check(property, { numRuns: 5_000, seed: 42, endOnFailure: true });
    expect(failed).toBe(true);
    expect((errorInstance as Error).message).toMatch(complaint);
  }, 60_000);
}

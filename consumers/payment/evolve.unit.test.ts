import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Currency, Money } from "../../contracts/money.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import { news } from "./answers.ts";
import { hear, learn, tryLater, wantReturn } from "./evolve.ts";
import { isOpen, type Payment } from "./payment.ts";
import type { Definite } from "./provider.ts";

const amount = 100 as Money;
const nothing = 0 as Money;
const intent: Payment = {
  orderId: "4b0c2d5e-8a6f-5f0e-9d57-1c1a0a8f2b3c" as OrderId,
  amount,
  currency: "EUR" as Currency,
  token: "tok_ok",
  status: "INTENT",
  captured: nothing,
  refunded: nothing,
  reason: null,
  reference: null,
  returnWanted: false,
  attempts: 0,
  leaseOwner: null,
  dueAt: 0,
  outcome: null,
};
const lease = (payment: Payment): Payment => ({ ...payment, attempts: payment.attempts + 1, leaseOwner: "me" });
const captured: Definite = { kind: "captured", captured: amount, refunded: nothing, reference: "p" };
const refunded: Definite = { kind: "refunded", captured: amount, refunded: amount, reference: "p" };
const declined: Definite = { kind: "declined", reason: "no", reference: "p" };
const voided: Definite = { kind: "voided", reason: "voided", reference: "p" };
const told = (before: Payment, after: Payment) =>
  news(before, after).map(({ type, sequence }) => `${type} ${sequence}`);

test("nobody has called the provider: a restore ends it at once", () => {
  expect(wantReturn(intent, 5)).toMatchObject({ status: "VOIDED", outcome: { outcome: "TOMBSTONE", at: 5 } });
});

test("somebody has: a restore waits for what the provider says", () => {
  for (const called of [lease(intent), tryLater(lease(intent), 1_000, 5)]) {
    const wanted = wantReturn(called, 7);
    expect(wanted).toMatchObject({ status: "INTENT", returnWanted: true, dueAt: 7, outcome: null });
    expect(wantReturn(wanted, 9)).toBe(wanted);
  }
});

test.each([
  ["captured", captured, false, "COMPLETED", ["PaymentCompleted 1"]],
  ["declined", declined, false, "FAILED", ["PaymentFailed 1"]],
  ["voided by somebody else", voided, false, "FAILED", ["PaymentFailed 1"]],
  ["refunded by somebody else", refunded, false, "FAILED", ["PaymentFailed 1"]],
  ["captured, not wanted any more", captured, true, "COMPLETED", ["PaymentCompleted 1"]],
  ["declined, not wanted any more", declined, true, "FAILED", ["PaymentFailed 1", "PaymentRestored 2"]],
  ["voided, not wanted any more", voided, true, "TOMBSTONE", ["PaymentRestored 1"]],
  ["found refunded, not wanted any more", refunded, true, "COMPLETED", ["PaymentCompleted 1", "PaymentRestored 2"]],
])("an intent that is %s", (_what, said, returnWanted, outcome, events) => {
  const before = { ...lease(intent), returnWanted };
  const after = learn(before, said, 9);
  expect(after.outcome).toMatchObject({ outcome });
  expect(after.leaseOwner).toBeNull();
  expect(told(before, after)).toEqual(events);
  expect(isOpen(after)).toBe(said === captured && returnWanted);
});

test("a capture that nobody expects goes back, and the saga hears nothing of it", () => {
  const tombstone = wantReturn(intent, 1);
  const failed = learn(lease(intent), declined, 1);
  for (const settled of [tombstone, failed]) {
    const late = hear(settled, { outcome: "CAPTURED", amount }, 2);
    expect(late).toMatchObject({ status: "CAPTURED", captured: amount, returnWanted: true });
    expect(isOpen(late)).toBe(true);
    const back = learn(lease(late), refunded, 3);
    expect(back).toMatchObject({ status: "REFUNDED", outcome: settled.outcome! });
    expect(told(settled, late).concat(told(late, back))).toEqual([]);
    expect(hear(back, { outcome: "CAPTURED", amount }, 4)).toBe(back);
  }
});

test("a capture that a webhook told of and the provider knows nothing of ends as what it was, with no money in it", () => {
  for (const [settled, said, status] of [
    [learn(lease(intent), declined, 1), declined, "DECLINED"],
    [wantReturn(intent, 1), voided, "VOIDED"],
  ] as const) {
    const late = hear(settled, { outcome: "CAPTURED", amount }, 2);
    const found = learn(lease(tryLater(lease(late), 10, 3)), said, 20);
    expect(found).toMatchObject({ status, captured: 0, refunded: 0, outcome: settled.outcome! });
    expect(isOpen(found)).toBe(false);
    expect(told(late, found)).toEqual([]);
  }
});

test("whatever happens in whatever order: one outcome for ever, and in the end no money stays that should not", () => {
  const happening = fc.oneof(
    fc.constant("restore" as const),
    fc.constant("lease" as const),
    fc.constant("nothing said" as const),
    fc.constantFrom(captured, declined, voided, refunded),
    fc.constantFrom("CAPTURED", "DECLINED", "VOIDED", "REFUNDED").map((outcome) => ({ outcome }) as const),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 12 }), (happenings) => {
      let now = 0;
      let payment = intent;
      const heard: string[] = [];
      const step = (next: Payment) => {
        const { outcome } = payment;
        if (outcome !== null) expect(next.outcome).toMatchObject({ outcome: outcome.outcome, at: outcome.at });
        expect(next.refunded).toBeLessThanOrEqual(next.captured);
        heard.push(...told(payment, next));
        payment = next;
      };
      for (const what of happenings) {
        now++;
        if (what === "restore") step(wantReturn(payment, now));
        else if (what === "lease") payment = isOpen(payment) ? lease(payment) : payment;
        else if (what === "nothing said") step(tryLater(payment, 10, now));
        else if ("outcome" in what) step(hear(payment, { outcome: what.outcome, amount }, now));
        // A provider does not answer who does not ask, and does not take back a capture without a refund.
        else if (payment.leaseOwner !== null && (payment.status === "INTENT" || what === refunded)) {
          step(learn(payment, what, now));
        }
      }
      while (isOpen(payment)) {
        now++;
        step(learn(lease(payment), payment.status === "CAPTURED" ? refunded : captured, now));
      }
      const kept = payment.captured - payment.refunded;
      expect(kept).toBe(payment.outcome?.outcome === "COMPLETED" && payment.outcome.restoredAt === null ? amount : 0);
      expect(new Set(heard).size).toBe(heard.length);
      const sequences = heard.map((text) => Number(text.split(" ")[1]));
      expect(sequences).toEqual([...sequences.keys()].map((i) => i + 1));
    }),
    { numRuns: 2_000 },
  );
});

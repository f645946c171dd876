import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { alarmsOf } from "./alarms.ts";
import { news } from "./answers.ts";
import { hear, learn, notFound, tryLater, wantReturn } from "./evolve.ts";
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
  refundedElsewhere: nothing,
  capturedCurrency: null,
  reason: null,
  reference: null,
  returnWanted: false,
  checkWanted: false,
  attempts: 0,
  leaseOwner: null,
  dueAt: 0,
  outcome: null,
};
const currency = intent.currency;
const lease = (payment: Payment): Payment => ({ ...payment, attempts: payment.attempts + 1, leaseOwner: "me" });
const captured = {
  kind: "captured" as const,
  captured: amount,
  refunded: nothing,
  currency,
  reference: "p",
} satisfies Definite;
const refunded = {
  kind: "refunded" as const,
  captured: amount,
  refunded: amount,
  currency,
  reference: "p",
} satisfies Definite;
const declined: Definite = { kind: "declined", reason: "no", reference: "p" };
const voided: Definite = { kind: "voided", reason: "voided", reference: "p" };
const less = { ...captured, captured: 99 as Money };
const more: Definite = { ...captured, captured: 101 as Money };
const dollars: Definite = { ...captured, currency: "USD" as Currency };
const partly: Definite = { ...captured, refunded: 1 as Money };
const told = (before: Payment, after: Payment) =>
  news(before, after).map(({ type, sequence }) => `${type} ${sequence}`);

test("the provider was not called: a restore ends it at once", () => {
  expect(wantReturn(intent, 5)).toMatchObject({ status: "VOIDED", outcome: { outcome: "TOMBSTONE", at: 5 } });
});

test("the provider was called: a restore waits for what the provider says", () => {
  for (const called of [lease(intent), tryLater(lease(intent), 1_000, 5)]) {
    const wanted = wantReturn(called, 7);
    expect(wanted).toMatchObject({ status: "INTENT", returnWanted: true, dueAt: 7, outcome: null });
    expect(wantReturn(wanted, 9)).toBe(wanted);
  }
});

test.each([
  ["captured", captured, false, "COMPLETED", ["PaymentCompleted 1"]],
  ["declined", declined, false, "FAILED", ["PaymentFailed 1"]],
  ["voided by another caller", voided, false, "FAILED", ["PaymentFailed 1"]],
  ["refunded by another caller", refunded, false, "FAILED", ["PaymentFailed 1"]],
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

test("an unexpected capture goes back, and the saga hears nothing of it", () => {
  const tombstone = wantReturn(intent, 1);
  const failed = learn(lease(intent), declined, 1);
  for (const settled of [tombstone, failed]) {
    const late = hear(settled, { outcome: "CAPTURED", amount, currency }, 2);
    expect(late).toMatchObject({ status: "CAPTURED", captured: amount, returnWanted: true });
    expect(isOpen(late)).toBe(true);
    const back = learn(lease(late), refunded, 3);
    expect(back).toMatchObject({ status: "REFUNDED", outcome: settled.outcome! });
    expect(told(settled, late).concat(told(late, back))).toEqual([]);
    expect(alarmsOf(late, back, refunded).map(({ kind }) => kind)).toEqual(["STRAY_CAPTURE"]);
    expect(hear(back, { outcome: "CAPTURED", amount, currency }, 4)).toBe(back);
  }
});

test("a capture that a webhook told of and the provider knows nothing of ends as what it was, with no money in it", () => {
  for (const [settled, said, status] of [
    [learn(lease(intent), declined, 1), declined, "DECLINED"],
    [wantReturn(intent, 1), voided, "VOIDED"],
  ] as const) {
    const late = hear(settled, { outcome: "CAPTURED", amount, currency }, 2);
    const found = learn(lease(tryLater(lease(late), 10, 3)), said, 20);
    expect(found).toMatchObject({ status, captured: 0, refunded: 0, outcome: settled.outcome! });
    expect(isOpen(found)).toBe(false);
    expect(told(late, found)).toEqual([]);
  }
});

test.each([
  ["less", less],
  ["more", more],
  ["another currency", dollars],
  ["all, of which some went back", partly],
])("%s than what was asked is captured: the order is not paid, and the money goes back", (_what, said) => {
  const before = lease(intent);
  const after = learn(before, said, 9);
  expect(after).toMatchObject({ status: "CAPTURED", returnWanted: true, attempts: 0 });
  expect(after.outcome).toMatchObject({ outcome: "FAILED", reason: "PAYMENT_MISMATCH" });
  expect(told(before, after)).toEqual(["PaymentFailed 1"]);
  expect(alarmsOf(before, after, said).map(({ kind }) => kind)).toEqual(["MISMATCH"]);
  const back = learn(lease(after), { ...refunded, captured: after.captured, refunded: after.captured }, 10);
  expect(isOpen(back)).toBe(false);
  expect(told(after, back)).toEqual([]);
});

test("another amount, not wanted any more: Restored is said when it is back, not before", () => {
  const before = { ...lease(intent), returnWanted: true };
  const after = learn(before, less, 9);
  expect(told(before, after)).toEqual([]);
  const back = learn(lease(after), { ...refunded, captured: less.captured, refunded: less.captured }, 10);
  expect(told(after, back)).toEqual(["PaymentCompleted 1", "PaymentRestored 2"]);
});

test("a refund at the provider's own desk: asked about, written down, and a later restore gives back the rest", () => {
  const paid = learn(lease(intent), captured, 1);
  const heard = hear(paid, { outcome: "REFUNDED", amount, currency }, 2);
  expect(isOpen(heard)).toBe(true);
  const part = learn(lease(heard), { ...captured, refunded: 40 as Money }, 3);
  expect(part).toMatchObject({ status: "CAPTURED", refunded: 40, refundedElsewhere: 40, checkWanted: false });
  expect(alarmsOf(heard, part, captured).map(({ kind }) => kind)).toEqual(["REFUNDED_ELSEWHERE"]);
  expect(isOpen(part)).toBe(false);
  const wanted = wantReturn(part, 4);
  const back = learn(lease(wanted), refunded, 5);
  expect(back).toMatchObject({ status: "REFUNDED", refunded: amount, refundedElsewhere: 40 });
  expect(told(wanted, back)).toEqual(["PaymentRestored 2"]);
  // All of it went back there: a restore that comes later is answered at once.
  const all = learn(lease(heard), refunded, 3);
  expect(all).toMatchObject({ status: "REFUNDED", refundedElsewhere: amount, outcome: { restoredAt: null } });
  expect(wantReturn(all, 6)).toMatchObject({ returnWanted: true, outcome: { outcome: "COMPLETED", restoredAt: 6 } });
});

test("a report that says what the row says causes no question; one that comes during a question causes another", () => {
  const paid = learn(lease(intent), captured, 1);
  expect(hear(paid, { outcome: "CAPTURED", amount, currency }, 2)).toBe(paid);
  expect(isOpen(hear(paid, { outcome: "CAPTURED", amount: 99 as Money, currency }, 2))).toBe(true);
  expect(isOpen(hear(paid, { outcome: "CAPTURED", amount, currency: "USD" as Currency }, 2))).toBe(true);
  const asking = lease(hear(paid, { outcome: "REFUNDED", amount, currency }, 2));
  expect(hear(asking, { outcome: "REFUNDED", amount, currency }, 3)).toMatchObject({
    leaseOwner: null,
    checkWanted: true,
  });
});

test("questions about a payment that is definite and unknown to the provider end", () => {
  let payment = hear(learn(lease(intent), captured, 1), { outcome: "REFUNDED", amount, currency }, 2);
  for (let asked = 1; asked <= 5; asked++) {
    expect(isOpen(payment)).toBe(true);
    payment = notFound(lease(payment), 10, 3);
  }
  expect(payment).toMatchObject({ status: "CAPTURED", checkWanted: false });
  const owed = hear(wantReturn(intent, 1), { outcome: "CAPTURED", amount, currency }, 2);
  expect(isOpen(notFound({ ...owed, attempts: 50 }, 10, 3))).toBe(true);
});

test("whatever happens in whatever order: one outcome for ever, and in the end no money stays that should not", () => {
  const happening = fc.oneof(
    fc.constant("restore" as const),
    fc.constant("lease" as const),
    fc.constant("nothing said" as const),
    fc.constantFrom(captured, declined, voided, refunded, less, more, dollars, partly),
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
        else if ("outcome" in what) step(hear(payment, { outcome: what.outcome, amount, currency }, now));
        // A provider does not answer who does not ask, and does not take back a capture without a refund.
        else if (payment.leaseOwner !== null && (payment.status === "INTENT" || what === refunded)) {
          step(learn(payment, what, now));
        }
      }
      while (isOpen(payment)) {
        now++;
        const { status, returnWanted, captured: there } = payment;
        const back: Definite = { ...refunded, captured: there, refunded: there };
        const asIs = {
          INTENT: captured,
          CAPTURED: { ...captured, captured: there, refunded: payment.refunded },
          DECLINED: declined,
          VOIDED: voided,
          REFUNDED: back,
        };
        step(learn(lease(payment), status === "CAPTURED" && returnWanted ? back : asIs[status], now));
      }
      const kept = payment.captured - payment.refunded;
      const isPaying = payment.outcome?.outcome === "COMPLETED" && payment.outcome.restoredAt === null;
      expect(kept).toBe(isPaying ? amount - payment.refundedElsewhere : 0);
      expect(new Set(heard).size).toBe(heard.length);
      const sequences = heard.map((text) => Number(text.split(" ")[1]));
      expect(sequences).toEqual([...sequences.keys()].map((i) => i + 1));
    }),
    { numRuns: 2_000 },
  );
});

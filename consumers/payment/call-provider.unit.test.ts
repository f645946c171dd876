import { expect, test } from "bun:test";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { callProvider, type Leased } from "./call-provider.ts";
import type { PaymentProvider, ProviderAnswer } from "./provider.ts";

const money = (n: number) => n as Money;
const payment: Leased = {
  orderId: "o" as OrderId,
  amount: money(100),
  currency: "EUR" as Currency,
  token: "tok_ok",
  status: "INTENT",
  captured: money(0),
  refunded: money(0),
  refundedElsewhere: money(0),
  returnWanted: false,
  checkWanted: false,
  attempts: 1,
};

const euros = "EUR" as Currency;
type Charged = Awaited<ReturnType<PaymentProvider["charge"]>>;

/** The calls that are made when `find` answers this, and the answer that counts. */
async function calls(
  of: Partial<Leased>,
  find: ProviderAnswer,
  charged: Charged = { kind: "unknown", why: "charge" },
  voided: ProviderAnswer = { kind: "unknown", why: "void" },
): Promise<string[]> {
  const made: string[] = [];
  const call =
    <T extends ProviderAnswer | Charged>(name: string, answer: T) =>
    async () => {
      made.push(name);
      return answer;
    };
  const provider: PaymentProvider = {
    find: call("find", find),
    charge: call("charge", charged),
    void: call("void", voided),
    refund: async (_orderId, amount, key) => {
      made.push(`refund ${amount} ${key}`);
      return { kind: "captured", captured: money(100), refunded: amount, currency: euros, reference: "p" };
    },
  };
  const answer = await callProvider(provider, { ...payment, ...of });
  if (answer.kind === "unknown") return [...made, `unknown: ${answer.why}`];
  return [...made, "reason" in answer && answer.reason !== null ? `${answer.kind}: ${answer.reason}` : answer.kind];
}
const notFound: ProviderAnswer = { kind: "not-found" };

test("a first call charges; every later one asks before it does anything", async () => {
  expect(await calls({}, notFound)).toEqual(["charge", "unknown: charge"]);
  expect(await calls({ attempts: 2 }, notFound)).toEqual(["find", "charge", "unknown: charge"]);
  expect(await calls({ attempts: 2 }, { kind: "unknown", why: "away" })).toEqual(["find", "unknown: away"]);
  expect(await calls({ attempts: 2 }, { kind: "declined", reason: null, reference: "p" })).toEqual([
    "find",
    "declined",
  ]);
});

test("what is not wanted any more is never charged", async () => {
  expect(await calls({ attempts: 2, returnWanted: true }, notFound)).toEqual(["find", "void", "unknown: void"]);
  expect(await calls({ returnWanted: true }, notFound)).toEqual(["void", "unknown: void"]);
  // A void that fences nothing is no end: a charge may still be on its way.
  expect(await calls({ attempts: 2, returnWanted: true }, notFound, undefined, notFound)).toEqual([
    "find",
    "void",
    "unknown: the provider does not void a payment that it does not know",
  ]);
});

test("what is not wanted any more and not definite is voided: PENDING, or without an answer", async () => {
  const pending: ProviderAnswer = { kind: "unknown", why: "the provider is still working on it", alive: true };
  const voided: ProviderAnswer = { kind: "voided", reason: null, reference: "p" };
  const unwanted = { attempts: 2, returnWanted: true };
  expect(await calls(unwanted, pending, undefined, voided)).toEqual(["find", "void", "voided"]);
  expect(await calls(unwanted, { kind: "unknown", why: "away" }, undefined, voided)).toEqual([
    "find",
    "void",
    "voided",
  ]);
  expect(await calls({ attempts: 2 }, pending)).toEqual(["find", "unknown: the provider is still working on it"]);
  expect(await calls(unwanted, { kind: "declined", reason: null, reference: "p" })).toEqual(["find", "declined"]);
});

test("a refund is of what is left, and one that is not complete is no end", async () => {
  const of = { status: "CAPTURED" as const, captured: money(100), refunded: money(30), returnWanted: true };
  expect(await calls(of, notFound)).toEqual(["refund 70 refund:o:30:70", "unknown: the refund is not complete"]);
});

test("a refund in vain asks what there is to refund: a webhook may have told of a capture that never was", async () => {
  const of = { status: "CAPTURED" as const, captured: money(999), returnWanted: true, attempts: 2 };
  const declined: ProviderAnswer = { kind: "declined", reason: null, reference: "p" };
  expect(await calls(of, declined)).toEqual(["find", "declined"]);
  expect(await calls(of, notFound)).toEqual(["find", "not-found"]);
  const captured: ProviderAnswer = {
    kind: "captured",
    captured: money(100),
    refunded: money(10),
    currency: euros,
    reference: "p",
  };
  expect(await calls(of, captured)).toEqual([
    "find",
    "refund 90 refund:o:10:90",
    "unknown: the refund is not complete",
  ]);
});

test("the first refund has the published key; another amount never goes out under it, nor a second refund", async () => {
  const of = { status: "CAPTURED" as const, captured: money(100), returnWanted: true };
  const there = (captured: number, refunded: number): ProviderAnswer => {
    return { kind: "captured", captured: money(captured), refunded: money(refunded), currency: euros, reference: "p" };
  };
  const keyOf = async (more: Partial<Leased>, find: ProviderAnswer = notFound) =>
    (await calls({ ...of, ...more }, find)).at(-2);
  expect(await keyOf({})).toBe("refund 100 refund:o");
  expect(await keyOf({ captured: money(70) })).toBe("refund 70 refund:o");
  expect(await keyOf({ refunded: money(40), refundedElsewhere: money(40) })).toBe("refund 60 refund:o");
  // Tried again: the same amount under the same key, another one under its own.
  expect(await keyOf({ attempts: 2 }, there(100, 0))).toBe("refund 100 refund:o");
  expect(await keyOf({ attempts: 2 }, there(100, 40))).toBe("refund 60 refund:o:40:60");
  expect(await keyOf({ attempts: 2 }, there(150, 0))).toBe("refund 150 refund:o:0:150");
  // A capture that appeared after everything had gone back: what we refunded before is no answer to this one.
  expect(await keyOf({ captured: money(200), refunded: money(100) })).toBe("refund 100 refund:o:100:100");
});

test("a capture that a webhook alone told of is asked about before it is refunded", async () => {
  const of = { status: "CAPTURED" as const, captured: money(999), returnWanted: true, checkWanted: true };
  const captured: ProviderAnswer = {
    kind: "captured",
    captured: money(100),
    refunded: money(0),
    currency: euros,
    reference: "p",
  };
  const refund = "refund 100 refund:o:0:100"; // not what the row says: it may have been tried under the published key
  expect(await calls(of, captured)).toEqual(["find", refund, "unknown: the refund is not complete"]);
});

test("of a payment that is definite the provider is only asked", async () => {
  const captured: ProviderAnswer = {
    kind: "captured",
    captured: money(100),
    refunded: money(40),
    currency: euros,
    reference: "p",
  };
  for (const status of ["CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const) {
    expect(await calls({ status, checkWanted: true }, captured)).toEqual(["find", "captured"]);
  }
});

test("a refused charge is a decline if none was sent before", async () => {
  expect(await calls({}, notFound, { kind: "refused", code: "CARD" })).toEqual(["charge", "declined: CARD"]);
});

test("a charge that is refused after another one is a decline only if a void has fenced that one", async () => {
  const refused: Charged = { kind: "refused", code: "CARD" };
  const end = async (voided: ProviderAnswer) => (await calls({ attempts: 2 }, notFound, refused, voided)).join(" ");
  const asked = "find charge find void";
  expect(await end({ kind: "voided", reason: "requested", reference: "p" })).toBe(`${asked} voided: CARD`);
  // Nothing to fence, says the provider twice.
  expect(await end(notFound)).toBe(`${asked} declined: CARD`);
  const held = { captured: money(100), refunded: money(0), currency: euros, reference: "p" };
  expect(await end({ kind: "captured", ...held })).toBe(`${asked} captured`);
  expect(await end({ kind: "unknown", why: "away" })).toBe(`${asked} unknown: away`);
});

test("a charge without an answer in time is asked for at once: what answers is not away", async () => {
  const late: Charged = { kind: "unknown", why: "late", late: true };
  expect(await calls({}, notFound, late)).toEqual(["charge", "find", "unknown: late"]);
  const captured: ProviderAnswer = {
    kind: "captured",
    captured: money(100),
    refunded: money(0),
    currency: euros,
    reference: "p",
  };
  expect(await calls({}, captured, late)).toEqual(["charge", "find", "captured"]);
  const away: ProviderAnswer = { kind: "unknown", why: "away" };
  expect(await calls({}, away, late)).toEqual(["charge", "find", "unknown: away"]);
});

import { expect, test } from "bun:test";
import type { Currency, Money } from "../../contracts/money.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import { callProvider, type Leased } from "./call-provider.ts";
import type { Answer, PaymentProvider } from "./provider.ts";

const money = (n: number) => n as Money;
const payment: Leased = {
  orderId: "o" as OrderId,
  amount: money(100),
  currency: "EUR" as Currency,
  token: "tok_ok",
  status: "INTENT",
  captured: money(0),
  refunded: money(0),
  returnWanted: false,
  attempts: 1,
};

/** The calls that are made when `find` answers this, and the answer that counts. */
async function calls(of: Partial<Leased>, find: Answer): Promise<string[]> {
  const made: string[] = [];
  const call = (name: string, answer: Answer) => async () => {
    made.push(name);
    return answer;
  };
  const provider: PaymentProvider = {
    find: call("find", find),
    charge: call("charge", { kind: "unknown", why: "charge" }),
    void: call("void", { kind: "unknown", why: "void" }),
    refund: async (_orderId, amount) => {
      made.push(`refund ${amount}`);
      return { kind: "captured", captured: money(100), refunded: amount, reference: "p" };
    },
  };
  const answer = await callProvider(provider, { ...payment, ...of });
  return [...made, answer.kind === "unknown" ? `unknown: ${answer.why}` : answer.kind];
}
const notFound: Answer = { kind: "not-found" };

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
});

test("a refund is of what is left, and one that is not complete is no end", async () => {
  const of = { status: "CAPTURED" as const, captured: money(100), refunded: money(30), returnWanted: true };
  expect(await calls(of, notFound)).toEqual(["refund 70", "unknown: the refund is not complete"]);
});

test("a refund in vain asks what there is to refund: a webhook may have told of a capture that never was", async () => {
  const of = { status: "CAPTURED" as const, captured: money(999), returnWanted: true, attempts: 2 };
  const declined: Answer = { kind: "declined", reason: null, reference: "p" };
  expect(await calls(of, declined)).toEqual(["find", "declined"]);
  expect(await calls(of, notFound)).toEqual(["find", "not-found"]);
  const captured: Answer = { kind: "captured", captured: money(100), refunded: money(10), reference: "p" };
  expect(await calls(of, captured)).toEqual(["find", "refund 90", "unknown: the refund is not complete"]);
});

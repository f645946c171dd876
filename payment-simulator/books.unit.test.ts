import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Currency, Money } from "../contracts/wire/money.ts";
import { PaymentBooks } from "./books.ts";
import { type Entry, refundedOf } from "./entry.ts";

const terms = { amount: 100 as Money, currency: "EUR" as Currency };
const open = (file = "", heard: string[] = []) =>
  new PaymentBooks({
    file,
    slowMs: 5,
    lateMs: 20,
    onWebhooks: (entry) =>
      heard.push(...entry.webhooks.map(({ body, left }) => `${entry.key} ${body.outcome} ${left}`)),
  });
const status = (result: unknown) => (typeof result === "object" && result ? (result as Entry).status : result);

/** What the first calls of a token answer; null: nothing. */
async function answers(token: string, calls: number): Promise<unknown[]> {
  const books = open();
  const all: unknown[] = [];
  for (let i = 0; i < calls; i++) all.push(status(await books.charge({ key: "k", token, ...terms })));
  return all;
}

test("every token behaves as it is called", async () => {
  expect(await answers("tok_ok", 2)).toEqual(["CAPTURED", "CAPTURED"]);
  expect(await answers("tok_decline", 2)).toEqual(["DECLINED", "DECLINED"]);
  expect(await answers("tok_slow", 2)).toEqual(["CAPTURED", "CAPTURED"]);
  expect(await answers("tok_timeout_charged", 2)).toEqual([null, "CAPTURED"]);
  expect(await answers("tok_timeout_lost", 2)).toEqual([null, "CAPTURED"]);
  expect(await answers("tok_error", 3)).toEqual(["ERROR", "ERROR", "CAPTURED"]);
  expect(await answers("tok_refused", 3)).toEqual(["UNSUPPORTED_CARD", "UNSUPPORTED_CARD", "UNSUPPORTED_CARD"]);
  expect(await answers("tok_unauthorized", 2)).toEqual(["UNAUTHORIZED", "CAPTURED"]);
  expect(await answers("tok_conflict", 2)).toEqual(["CONFLICT", "CAPTURED"]);
  expect(await answers("tok_too_many", 2)).toEqual(["TOO_MANY", "CAPTURED"]);
  expect(await answers("toString", 1)).toEqual(["DECLINED"]);
});

test("tokens that capture something else than what was asked for", async () => {
  const books = open();
  const captured = async (token: string) => {
    const { captured, currency } = (await books.charge({ key: token, token, ...terms })) as Entry;
    return `${captured} ${currency}`;
  };
  expect(await captured("tok_captures_less")).toBe("50 EUR");
  expect(await captured("tok_captures_more")).toBe("101 EUR");
  expect(await captured("tok_captures_dollars")).toBe("100 USD");
});

test("a refund at the desk is in the books, and a webhook tells of it", async () => {
  const heard: string[] = [];
  const books = open("", heard);
  await books.charge({ key: "k", token: "tok_ok", ...terms });
  expect(status(books.refundAtDesk("k", 40))).toBe("CAPTURED");
  expect(status(books.refundAtDesk("k", 60))).toBe("REFUNDED");
  expect(status(books.refundAtDesk("k", 1))).toBe("TOO_MUCH");
  expect(heard.filter((line) => line === "k REFUNDED 1").length).toBeGreaterThanOrEqual(2);
});

test("a key is charged once, and with the same terms", async () => {
  const books = open();
  await books.charge({ key: "k", token: "tok_ok", ...terms });
  expect(await books.charge({ key: "k", token: "tok_ok", ...terms, amount: 101 as Money })).toBe("MISMATCH");
  expect(books.find("k")?.captured).toBe(100);
});

test("a void keeps every later charge away, and takes no capture back", async () => {
  const books = open();
  expect(books.void("k").status).toBe("VOIDED");
  expect(status(await books.charge({ key: "k", token: "tok_ok", ...terms }))).toBe("VOIDED");
  const slow = books.charge({ key: "slow", token: "tok_slow", ...terms });
  expect(books.void("slow").status).toBe("VOIDED");
  expect(status(await slow)).toBe("VOIDED");
  await books.charge({ key: "paid", token: "tok_ok", ...terms });
  expect(books.void("paid").status).toBe("CAPTURED");
});

test("a refund happens once under its key, and never beyond the capture", async () => {
  const books = open();
  await books.charge({ key: "k", token: "tok_ok", ...terms });
  const refund = (key: string, amount: number) => status(books.refund("k", { key, amount: amount as Money }));
  expect([refund("a", 60), refund("a", 60), refund("a", 1), refund("b", 41), refund("b", 40)]).toEqual([
    "CAPTURED",
    "CAPTURED",
    "MISMATCH",
    "TOO_MUCH",
    "REFUNDED",
  ]);
  expect(refundedOf(books.find("k")!)).toBe(100);
  expect(books.refund("unknown", { key: "a", amount: 1 as Money })).toBe("NOT_FOUND");
});

test("a restart forgets nothing, a half-written line included", async () => {
  const dir = mkdtempSync(join(tmpdir(), "stampede-books-"));
  const file = join(dir, "books.jsonl");
  const before = open(file);
  await before.charge({ key: "paid", token: "tok_ok", ...terms });
  await before.charge({ key: "twice", token: "tok_duplicate_webhook", ...terms });
  before.delivered("twice", before.find("twice")!.webhooks[0]!.body.id);
  await before.charge({ key: "lost", token: "tok_timeout_lost", ...terms });
  await before.charge({ key: "late", token: "tok_late_capture", ...terms });
  before.void("late");
  void before.charge({ key: "slow", token: "tok_slow", ...terms });
  appendFileSync(file, '{"key":"half');

  const heard: string[] = [];
  const after = open(file, heard);
  expect(heard).toEqual(["twice CAPTURED 1"]);
  expect(after.page(0, 10).map(({ key, status }) => `${key} ${status}`)).toEqual([
    "paid CAPTURED",
    "twice CAPTURED",
    "lost NONE",
    "late VOIDED",
    "slow NONE", // who worked on it is gone
  ]);
  expect(status(await after.charge({ key: "lost", token: "tok_timeout_lost", ...terms }))).toBe("CAPTURED");
  await Bun.sleep(40);
  expect(after.find("late")?.status).toBe("CAPTURED");
  expect(heard).toContain("late CAPTURED 1");
  expect(open(file).find("lost")?.status).toBe("CAPTURED");
  rmSync(dir, { recursive: true });
});

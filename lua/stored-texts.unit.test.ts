import { expect, test } from "bun:test";
import { type CouponId, newCouponId, newRequestId, type UserId } from "../contracts/wire/ids.ts";
import { serverIdentity } from "./commands.ts";
import { formatCursor, parseCursor } from "./inbox-cursor.ts";
import { saleKeys, shadowKeys, userKeys } from "./keys.ts";
import { parseLedgerEntry } from "./ledger.ts";
import { parseStatus, parseWinner } from "./sale-reading.ts";
import { tagOf } from "./server-tag.ts";
import { idTime } from "./stream-ids.ts";

const COUPON = newCouponId();
const REQUEST = newRequestId(COUPON, Date.now());

test("all keys of a sale share a hash tag, and all of a user another", () => {
  const sale = [...Object.values(saleKeys(COUPON)), ...Object.values(shadowKeys(COUPON, "token"))];
  expect(new Set(sale).size).toBe(8);
  expect(sale.every((key) => key.startsWith(`{c:${COUPON}}:`))).toBe(true);
  const own = Object.values(userKeys("ada" as UserId));
  expect(own).toEqual(["{u:ada}:inbox", "{u:ada}:route"]);
});

test("a winner's entry is slot and request", () => {
  expect(parseWinner(`12 ${REQUEST}`)).toEqual({ slot: 12, requestId: REQUEST });
  for (const text of [null, undefined, "", "12", ` ${REQUEST}`]) expect(parseWinner(text)).toBeNull();
});

test("a status is ISSUED with a slot, FAILED with a reason, or PENDING; a queued sale names the user", () => {
  expect(parseStatus("ISSUED 12")).toEqual({ status: "ISSUED", slot: 12 });
  expect(parseStatus("FAILED SLOT_TAKEN")).toEqual({ status: "FAILED", reason: "SLOT_TAKEN" });
  expect(parseStatus("FAILED SOLD_OUT ada")).toEqual({ status: "FAILED", reason: "SOLD_OUT", userId: "ada" as UserId });
  expect(parseStatus("PENDING ada")).toEqual({ status: "PENDING", userId: "ada" as UserId });
  for (const text of [null, "", "ISSUED", "FAILED", "FAILED who knows", "PENDING"])
    expect(parseStatus(text)).toBeNull();
});

test("a ledger entry needs its user and its request, in any order; a slot or an epoch that cannot be used is 0", () => {
  const entry = { ledgerId: "5-1", userId: "ada" as UserId, requestId: REQUEST, slot: 3, epoch: 2 };
  expect(parseLedgerEntry("5-1", ["u", "ada", "r", REQUEST, "s", "3", "e", "2"])).toEqual(entry);
  expect(parseLedgerEntry("5-1", ["e", "2", "s", "3", "x", "new", "r", REQUEST, "u", "ada"])).toEqual(entry);
  const wrong = [
    ["u", "a b", "r", REQUEST, "s", "3", "e", "2"],
    ["u", "ada", "r", "nonsense", "s", "3", "e", "2"],
    ["u", "ada", "s", "3", "e", "2"],
    [],
  ];
  for (const fields of wrong) expect(parseLedgerEntry("5-1", fields)).toBeNull();
  const unusable = (...fields: string[]) => parseLedgerEntry("5-1", ["u", "ada", "r", REQUEST, ...fields]);
  expect(unusable("s", "3")).toEqual({ ...entry, epoch: 0 });
  expect(unusable("s", "3", "e", "0")).toEqual({ ...entry, epoch: 0 });
  expect(unusable("s", "0", "e", "2")).toEqual({ ...entry, slot: 0 });
  expect(unusable("s", "x", "e", "2")).toEqual({ ...entry, slot: 0 });
});

test("a cursor is a position and the servers it was given by", () => {
  const cursor = formatCursor("1700000000000-3", "0b0c94bd");
  expect(parseCursor(cursor)).toEqual({ kind: "entry", id: "1700000000000-3", tag: "0b0c94bd" });
  expect(idTime("1700000000000-3")).toBe(1_700_000_000_000);
  for (const text of [
    "",
    "1-1",
    "-.a",
    "1.a",
    "1-1.A",
    "1-1.a",
    "1-1.0b0c94bd ",
    " 1-1.0b0c94bd",
    `${"9".repeat(17)}-1.0b0c94bd`,
  ]) {
    expect(parseCursor(text)).toBeNull();
  }
});

test("the servers' tag does not depend on the order in which they are asked", () => {
  expect(tagOf(["0b0c94bdba066e69"])).toBe("0b0c94bd");
  expect(tagOf(["aa", "bb", "cc"])).toBe(tagOf(["cc", "aa", "bb"]));
  expect(tagOf(["aa", "bb", "cc"])).not.toBe(tagOf(["aa", "bb", "cd"]));
  expect(tagOf(["aa", "bb"])).toMatch(/^[0-9a-f]{8}$/);
});

test("a server says who it is, and whether it was ever promoted", () => {
  const info = (second: string) =>
    `# Server\r\nrun_id:aa11\r\n# Replication\r\nmaster_replid:bb22\r\nmaster_replid2:${second}\r\n`;
  expect(serverIdentity(info("0".repeat(40)))).toEqual({ runId: "aa11", replId: "bb22", promoted: false });
  expect(serverIdentity(info("00c3"))).toMatchObject({ promoted: true });
  expect(() => serverIdentity("# Server\r\nrun_id:aa11")).toThrow("master_replid");
});

test("sales do not share keys", () => {
  expect(saleKeys("aaaaaaaaaaaa" as CouponId).sale).not.toBe(saleKeys("aaaaaaaaaaab" as CouponId).sale);
});

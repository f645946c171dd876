import { expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Reopening } from "../../db/sales/reopening.ts";
import { comeBack, opensInMs } from "./opening-time.ts";
import { createWhyNotLoaded } from "./why-not-loaded.ts";

const TIMEOUT_MS = 10_000;
const sale = (change: Partial<Reopening>): Reopening => ({
  loadState: "RECOVERING",
  opensInMs: null,
  writtenMsAgo: 60_000,
  isOver: false,
  comesBack: false,
  hasLeft: false,
  ...change,
});

test.each([
  ["its loader says when", { opensInMs: 7_300 }, 7_300],
  ["it is a little late", { opensInMs: -800 }, 500],
  ["its loader is gone, and another one begins anew", { opensInMs: -30_000 }, 11_500],
  ["its fence was raised just now", {}, 11_500],
  ["its winners are being loaded", { loadState: "LOADING" }, 500],
  ["it is new", { loadState: "NEW" }, 500],
  ["its loss is not noticed yet", { loadState: "LOADED" }, 11_500],
  ["it was loaded while the claim was on its way", { loadState: "LOADED", writtenMsAgo: 40 }, 500],
] as [string, Partial<Reopening>, number][])("when %s", (_, change, expected) => {
  expect(opensInMs(sale(change), TIMEOUT_MS)).toBe(expected);
});

test("clients come back after it opens and up to two seconds apart, and never at once", () => {
  const now = Date.UTC(2027, 0, 1);
  expect(comeBack(7_300, now, () => 0)).toEqual({
    retryAfterS: 8,
    extra: { retryAt: "2027-01-01T00:00:07.300Z" },
  });
  expect(comeBack(7_300, now, () => 0.999)).toMatchObject({ retryAfterS: 10 });
  expect(comeBack(-100, now, () => 0)).toMatchObject({ retryAfterS: 1 });
  const told = new Set(Array.from({ length: 200 }, () => comeBack(7_300, now).retryAfterS));
  expect([...told].sort((a, b) => a - b)).toEqual([8, 9, 10]);
});

const SALE = "aaaaaaaaaaaa" as CouponId;

test("a thousand clients of the same moment cost one question, and the answer counts down", async () => {
  let asked = 0;
  const why = createWhyNotLoaded(
    async () => {
      asked++;
      return sale({ opensInMs: 5_000 });
    },
    TIMEOUT_MS,
    () => {},
  );
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => why(SALE)));
  expect(asked).toBe(1);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(["SALE_RECOVERING"]));
  await Bun.sleep(100);
  const later = await why(SALE);
  expect(asked).toBe(1);
  expect((later as { opensInMs: number }).opensInMs).toBeWithin(4_700, 4_920);
  await Bun.sleep(300);
  await why(SALE);
  expect(asked).toBe(2);
});

test("a sale that is over is answered ENDED", async () => {
  const why = createWhyNotLoaded(
    async () => sale({ loadState: "LOADED", isOver: true }),
    TIMEOUT_MS,
    () => {},
  );
  expect(await why(SALE)).toMatchObject({ code: "ENDED" });
});

test("an id that is no sale's is asked for once a second; a database that is away makes no 404", async () => {
  let asked = 0;
  const unknown = createWhyNotLoaded(
    async () => {
      asked++;
      return null;
    },
    TIMEOUT_MS,
    () => {},
  );
  for (let i = 0; i < 5; i++) {
    expect(await unknown(SALE)).toEqual({ code: "COUPON_NOT_FOUND" });
    await Bun.sleep(100);
  }
  expect(asked).toBe(1);
  const errors: unknown[] = [];
  const away = createWhyNotLoaded(
    () => Promise.reject(new Error("away")),
    TIMEOUT_MS,
    (error) => errors.push(error),
  );
  expect(await away(SALE)).toMatchObject({ code: "SALE_RECOVERING" });
  expect(errors).toHaveLength(1);
});

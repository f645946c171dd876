import { expect, test } from "bun:test";
import { type CouponId, newRequestId } from "../contracts/wire/ids.ts";
import { type ClaimRequest, claimArguments, notLoaded, parseClaimBatch } from "./claim-batch.ts";

const COUPON = "7qj4x0m2kd9a" as CouponId;
const claim = (userId: string) => ({ userId, requestId: newRequestId(COUPON, Date.now()) }) as ClaimRequest;
const HEAD = "2 17 OPEN 1000 2000 500 3";
const header = { epoch: 2, version: 17, state: "OPEN", startsAt: 1000, endsAt: 2000, total: 500, left: 3 } as const;

test("each claim gets its own result, in order", () => {
  const [a, b, c, d] = [claim("a"), claim("b"), claim("c"), claim("d")];
  const reply = `${HEAD} ACCEPTED 497 1-0 ALREADY_WON 12 ${a!.requestId} SOLD_OUT OVERLOADED`;
  expect(parseClaimBatch(reply, [a!, b!, c!, d!])).toEqual({
    ...header,
    results: [
      { code: "ACCEPTED", slot: 497, requestId: a!.requestId, ledgerId: "1-0" },
      { code: "ALREADY_WON", slot: 12, requestId: a!.requestId },
      { code: "SOLD_OUT" },
      { code: "OVERLOADED" },
    ],
  });
});

for (const code of ["PAUSED", "ENDED", "NOT_STARTED", "NOT_LOADED"] as const) {
  test(`one word ${code} is the result of all`, () => {
    const { results } = parseClaimBatch(`${HEAD} ${code}`, [claim("a"), claim("b"), claim("c")]);
    expect(results).toEqual([{ code }, { code }, { code }]);
  });
}

test("a single claim's own refusal reads the same as one word for all", () => {
  expect(parseClaimBatch(`${HEAD} SOLD_OUT`, [claim("a")]).results).toEqual([{ code: "SOLD_OUT" }]);
});

test("a user whose win cannot be read is NOT_LOADED alone", () => {
  const [a, b] = [claim("a"), claim("b")];
  const reply = `${HEAD} NOT_LOADED ACCEPTED 497 1-0`;
  expect(parseClaimBatch(reply, [a!, b!]).results).toEqual([
    { code: "NOT_LOADED" },
    { code: "ACCEPTED", slot: 497, requestId: b!.requestId, ledgerId: "1-0" },
  ]);
});

for (const [what, words] of [
  ["too few results", "SOLD_OUT SOLD_OUT"],
  ["too many results", "SOLD_OUT SOLD_OUT SOLD_OUT SOLD_OUT"],
  ["a word that is no code", "SOLD_OUT WON SOLD_OUT"],
  ["a single word that is no code", "RELEASED"],
] as const) {
  test(`a reply with ${what} is an error`, () => {
    expect(() => parseClaimBatch(`${HEAD} ${words}`, [claim("a"), claim("b"), claim("c")])).toThrow(
      "claim.lua answered",
    );
  });
}

test("a sale that is not there answers every claim", () => {
  expect(notLoaded(2)).toMatchObject({
    epoch: 0,
    state: "RECOVERING",
    results: [{ code: "NOT_LOADED" }, { code: "NOT_LOADED" }],
  });
});

test("claims become user and request in turn, those of the Redis pipeline with its name behind them", () => {
  const [a, b] = [claim("a"), claim("b")];
  const words = ["a", a!.requestId, "b", b!.requestId];
  expect(claimArguments([a!, b!], "kafka")).toEqual(words);
  expect(claimArguments([a!, b!], "redis")).toEqual([...words, "redis"]);
});

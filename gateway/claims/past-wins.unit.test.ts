import { expect, test } from "bun:test";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import { createPastWins } from "./past-wins.ts";

const SALE = "aaaaaaaaaaaa" as CouponId;

test("a few look-ups run at once, some wait for their turn, and the rest is refused", async () => {
  let [running, most] = [0, 0];
  const pastWin = createPastWins(async (_, userId) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (userId === "user-7") throw new Error("away");
    return { requestId: `request-of-${userId}` as RequestId, slot: 1 };
  });
  const asked = Array.from({ length: 200 }, (_, i) => pastWin(SALE, `user-${i}` as UserId, true));
  const answers = await Promise.allSettled(asked);
  expect(most).toBe(4);
  const found = answers.filter(({ status }) => status === "fulfilled");
  expect(found).toHaveLength(103);
  expect(answers[7]).toMatchObject({ status: "rejected", reason: { message: "away" } });
  expect(answers.at(-1)).toMatchObject({ status: "rejected", reason: { code: "OVERLOADED" } });
  expect(await pastWin(SALE, "late" as UserId, true)).toMatchObject({ slot: 1 });
});

test("who asks again is answered from memory, unless something of the sale is still on its way", async () => {
  let asked = 0;
  const pastWin = createPastWins(async () => {
    asked++;
    return null;
  });
  for (let time = 0; time < 3; time++) await pastWin(SALE, "loser" as UserId, true);
  expect(asked).toBe(1);
  for (let time = 0; time < 3; time++) await pastWin(SALE, "other" as UserId, false);
  expect(asked).toBe(4);
});

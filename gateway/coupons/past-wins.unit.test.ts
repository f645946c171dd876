import { expect, test } from "bun:test";
import type { CouponId, RequestId, UserId } from "../../contracts/ids.ts";
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
  const asked = Array.from({ length: 200 }, (_, i) => pastWin(SALE, `user-${i}` as UserId));
  const answers = await Promise.allSettled(asked);
  expect(most).toBe(4);
  const found = answers.filter(({ status }) => status === "fulfilled");
  expect(found).toHaveLength(103);
  expect(answers[7]).toMatchObject({ status: "rejected", reason: { message: "away" } });
  expect(answers.at(-1)).toMatchObject({ status: "rejected", reason: { code: "OVERLOADED" } });
  expect(await pastWin(SALE, "late" as UserId)).toMatchObject({ slot: 1 });
});

import { expect, test } from "bun:test";
import { newCouponId } from "../../contracts/wire/ids.ts";
import { createIssueModes, type IssueMode } from "./issue-modes.ts";

test("a sale's mode is asked once: of Redis, and of PostgreSQL if Redis does not hold the sale", async () => {
  const [held, past, broken] = [newCouponId(), newCouponId(), newCouponId()];
  const asked: string[] = [];
  const modes = createIssueModes({
    async inRedis(couponId): Promise<IssueMode | null> {
      asked.push(`redis ${couponId}`);
      return couponId === held ? "QUEUED" : null;
    },
    async inDatabase(couponId): Promise<IssueMode> {
      asked.push(`database ${couponId}`);
      if (couponId === broken) throw new Error("away");
      return "DIRECT";
    },
  });
  const atOnce = await Promise.all([held, past, held, past].map(modes));
  expect(atOnce).toEqual(["QUEUED", "DIRECT", "QUEUED", "DIRECT"]);
  expect([await modes(held), await modes(past)]).toEqual(["QUEUED", "DIRECT"]);
  expect(asked).toEqual([`redis ${held}`, `redis ${past}`, `database ${past}`]);
  for (let time = 0; time < 2; time++) await expect(modes(broken)).rejects.toThrow("away");
  expect(asked).toHaveLength(7);
});

import { expect, test } from "bun:test";
import { ERR } from "./error-codes.ts";
import { KafkaError } from "./kafka.ts";
import { seek } from "./seek.ts";

const POSITION = { topic: "t", partition: 1, offset: 7 };
const notYet = new KafkaError("INVALID", "erroneous state", ERR.STATE);

/** Attempts that end as listed, one after the other. */
function attempts(...outcomes: (KafkaError | null)[]) {
  const tried = { count: 0 };
  return { tried, attempt: () => outcomes[tried.count++] ?? null };
}

test("a partition whose fetcher does not run yet is tried again", async () => {
  const { tried, attempt } = attempts(notYet, notYet, null);
  await seek(POSITION, { isOwned: () => true, attempt });
  expect(tried.count).toBe(3);
});

test("another failure is the caller's at once", async () => {
  const { tried, attempt } = attempts(new KafkaError("UNAVAILABLE", "no leader"));
  await expect(seek(POSITION, { isOwned: () => true, attempt })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(tried.count).toBe(1);
});

test("a partition that is not ours, or is lost meanwhile, is not sought", async () => {
  const { tried, attempt } = attempts(notYet, null);
  await expect(seek(POSITION, { isOwned: () => false, attempt })).rejects.toThrow("t/1 is not assigned");
  expect(tried.count).toBe(0);
  await expect(seek(POSITION, { isOwned: () => tried.count === 0, attempt })).rejects.toMatchObject({
    code: "REBALANCED",
  });
});

import { expect, test } from "bun:test";
import type { Pipeline } from "../../contracts/claims/pipeline.ts";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import type { ClaimBatch } from "../../lua/claim-batch.ts";
import { createDecide } from "./decide.ts";

const [SPRING, AUTUMN] = ["spring000000", "autumn000000"] as CouponId[];

/** What was sent, each claim granted the slot of its place in the batch. */
function decideWith() {
  const sent: { couponId: CouponId; users: UserId[]; pipeline: Pipeline }[] = [];
  const decide = createDecide(
    async (couponId, claims, pipeline) => {
      sent.push({ couponId, users: claims.map(({ userId }) => userId), pipeline });
      const results = claims.map(({ requestId }, i) => ({ code: "ACCEPTED", slot: i + 1, requestId, ledgerId: "1-0" }));
      return { epoch: 1, results } as unknown as ClaimBatch;
    },
    () => {},
  );
  const ask = (couponId: CouponId, user: string, pipeline: Pipeline) =>
    decide(couponId, user as UserId, `request-${user}` as RequestId, pipeline);
  return { sent, ask };
}

test("claims of one turn travel together, by sale and by pipeline, and each gets its own answer", async () => {
  const { sent, ask } = decideWith();
  const decisions = await Promise.all([
    ask(SPRING!, "a", "kafka"),
    ask(SPRING!, "b", "redis"),
    ask(AUTUMN!, "c", "kafka"),
    ask(SPRING!, "d", "kafka"),
    ask(SPRING!, "e", "redis"),
  ]);
  expect(sent as unknown[]).toEqual([
    { couponId: SPRING, users: ["a", "d"], pipeline: "kafka" },
    { couponId: AUTUMN, users: ["c"], pipeline: "kafka" },
    { couponId: SPRING, users: ["b", "e"], pipeline: "redis" },
  ]);
  const requests = decisions.map(({ result }) => "requestId" in result && result.requestId);
  expect(requests as unknown[]).toEqual(["a", "b", "c", "d", "e"].map((user) => `request-${user}`));
});

test("the next turn's claims travel on their own", async () => {
  const { sent, ask } = decideWith();
  await ask(SPRING!, "a", "redis");
  await ask(SPRING!, "b", "redis");
  expect(sent).toHaveLength(2);
});

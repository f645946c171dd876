import { perTurn } from "../../contracts/async/per-turn.ts";
import type { Pipeline } from "../../contracts/claims/pipeline.ts";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import type { ClaimBatch, ClaimResult } from "../../lua/claim-batch.ts";

/** Redis' decision about one claim, with the sale's state at that moment. */
export interface ClaimDecision {
  readonly result: ClaimResult;
  readonly sale: ClaimBatch;
}

export type Decide = (
  couponId: CouponId,
  userId: UserId,
  requestId: RequestId,
  pipeline: Pipeline,
) => Promise<ClaimDecision>;

interface Waiting {
  readonly userId: UserId;
  readonly requestId: RequestId;
  readonly resolve: (decision: ClaimDecision) => void;
  readonly reject: (error: unknown) => void;
}

/** A script call blocks Redis for all clients; 256 claims take about half a millisecond. */
const MAX_BATCH = 256;

/**
 * Collects the claims of one event-loop turn per sale and pipeline and decides them in one EVALSHA: under a rush that is one script
 * call for many users, and a claim that comes alone does not wait.
 * @param claim sends a batch; its results have the order of the claims
 * @param seen called for every answered batch (it updates the sale's board)
 */
export function createDecide(
  claim: (
    couponId: CouponId,
    claims: readonly { userId: UserId; requestId: RequestId }[],
    pipeline: Pipeline,
  ) => Promise<ClaimBatch>,
  seen: (couponId: CouponId, batch: ClaimBatch) => void,
): Decide {
  function send(batch: readonly Waiting[], couponId: CouponId, pipeline: Pipeline): void {
    claim(couponId, batch, pipeline).then(
      (answer) => {
        seen(couponId, answer);
        for (let i = 0; i < batch.length; i++) batch[i]!.resolve({ result: answer.results[i]!, sale: answer });
      },
      (error) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }

  const add: Readonly<Record<Pipeline, (one: Waiting, couponId: CouponId) => void>> = {
    kafka: perTurn((batch, couponId) => send(batch, couponId, "kafka"), MAX_BATCH),
    redis: perTurn((batch, couponId) => send(batch, couponId, "redis"), MAX_BATCH),
  };
  return (couponId, userId, requestId, pipeline) =>
    new Promise((resolve, reject) => add[pipeline]({ userId, requestId, resolve, reject }, couponId));
}

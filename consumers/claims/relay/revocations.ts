import type { Fault } from "../../../contracts/wire/fault-points.ts";
import type { CouponId, RequestId, UserId } from "../../../contracts/wire/ids.ts";
import { isResultCode, type ResultCode } from "../../../contracts/wire/result-codes.ts";
import { slotHolder } from "../../../db/claims/conflicts.ts";
import { findAliases } from "../../../db/claims/find.ts";
import {
  listPendingRevocations,
  markDone,
  markReleased,
  type PendingRevocation,
} from "../../../db/claims/revocations.ts";
import type { Sql } from "../../../db/client.ts";
import type { Producer } from "../../../kafka/kafka.ts";
import type { Winner } from "../../../lua/sale-reading.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import { failureCode } from "../../engine/failure.ts";
import type { Log } from "../../engine/log.ts";
import { failedRecord } from "../persist/announce.ts";

export interface RevocationDeps {
  readonly sql: Sql;
  readonly scripts: Pick<SaleScripts, "release">;
  readonly winnerOf: (couponId: CouponId, userId: UserId) => Promise<Winner | null>;
  readonly producer: Pick<Producer, "sendAll">;
  /** Makes one process of many do the round; false: another one does it. */
  readonly lease: (work: () => Promise<void>) => Promise<void>;
  readonly keepHours: number;
  readonly fault: Fault;
  readonly log: Log;
}

/** Revocations of one round; an operator's script may revoke thousands. */
const PAGE = 200;
const AT_ONCE = 16;

/** A revocation with every name of its claim; the original's is the last. */
interface RevocationOrder extends PendingRevocation {
  readonly names: readonly RequestId[];
  readonly code: ResultCode;
}

/**
 * Carries out what operators have revoked: the tombstones are committed; now Redis lets go of the claim, then its owner is
 * told, then the revocation is done. A crash anywhere leaves it pending and the next round repeats it, which frees nothing
 * twice; while the sale is lost or being rebuilt it waits.
 * @throws what PostgreSQL threw, or Kafka: the slots are free then, and the owners are told by a later round
 */
export async function carryOutRevocations(deps: RevocationDeps, stopping: AbortSignal): Promise<void> {
  /** Sales that have to wait: a page that is full of theirs must not hide those of others. */
  const waiting = new Set<string>();
  const list = (limit: number) => listPendingRevocations(deps.sql, deps.keepHours, limit, [...waiting]);
  // Asked without a lease: nearly every round finds nothing.
  while (!stopping.aborted && (await list(1)).length > 0) {
    let isDone = true;
    await deps.lease(async () => {
      const before = waiting.size;
      const page = await list(PAGE);
      const moved = await carryOutPage(deps, page, waiting);
      isDone = page.length < PAGE || (moved === 0 && waiting.size === before);
    });
    if (isDone) return;
  }
}

/** Notes the sales of those that cannot be carried out now in `waiting`. @returns how many are done now */
async function carryOutPage(
  deps: RevocationDeps,
  page: readonly PendingRevocation[],
  waiting: Set<string>,
): Promise<number> {
  const { sql, log } = deps;
  const orders = await withNames(sql, page);
  const released = orders.filter((order) => order.released);
  const queue = orders.filter((order) => !order.released);
  const hand = async () => {
    for (let order = queue.shift(); order !== undefined; order = queue.shift()) {
      try {
        if (await release(deps, order)) released.push(order);
        else waiting.add(order.couponId);
      } catch (error) {
        waiting.add(order.couponId);
        log.warn({ requestId: order.requestId, ...failureCode(error) }, "a revocation waits for its sale");
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  if (released.length === 0) return 0;
  deps.fault("revoke:released");
  const ids = released.map(({ requestId }) => requestId);
  await markReleased(sql, ids);
  const told = released.flatMap((order) =>
    order.names.map((requestId) => failedRecord(claimOf(order, requestId), order.code)),
  );
  await deps.producer.sendAll(told);
  await markDone(sql, ids);
  log.info({ revocations: ids.length }, "carried out revocations");
  return ids.length;
}

async function withNames(sql: Sql, pending: readonly PendingRevocation[]): Promise<RevocationOrder[]> {
  const sales = new Set(pending.map(({ couponId }) => couponId));
  const names = new Map<string, RequestId[]>();
  for (const couponId of sales) {
    const originals = pending.filter((one) => one.couponId === couponId).map(({ requestId }) => requestId);
    for (const { requestId, originalRequestId } of await findAliases(sql, couponId, originals)) {
      names.set(originalRequestId, [...(names.get(originalRequestId) ?? []), requestId as RequestId]);
    }
  }
  return pending.map((one) => ({
    ...one,
    names: [...(names.get(one.requestId) ?? []), one.requestId as RequestId],
    code: one.reason !== null && isResultCode(one.reason) ? one.reason : "REVOKED",
  }));
}

const claimOf = ({ couponId, userId }: RevocationOrder, requestId: RequestId) => ({
  couponId: couponId as CouponId,
  userId: userId as UserId,
  requestId,
});

/**
 * Takes the claim out of Redis, whichever of its names it stands under, with the sale's present epoch: the win may be older
 * than the last rebuild. The original comes last: the repair of an alias (replace-winner.lua) may just be moving the win
 * there. A slot that PostgreSQL holds for another user (Redis forgot that win) is not granted again.
 * @returns false: not now, the sale is not loaded or was loaded anew meanwhile
 */
async function release(deps: RevocationDeps, order: RevocationOrder): Promise<boolean> {
  const couponId = order.couponId as CouponId;
  const winner = await deps.winnerOf(couponId, order.userId as UserId);
  const holds = winner !== null && order.names.includes(winner.requestId);
  const discardSlot = holds && (await slotHolder(deps.sql, couponId, winner.slot)) !== null;
  for (const requestId of order.names) {
    const { userId } = claimOf(order, requestId);
    const { epoch, code: reason } = order;
    const code = await deps.scripts.release(couponId, { userId, requestId, epoch, reason, discardSlot });
    // A sale that ended long ago may be missing in Redis, and is not loaded again.
    if (code === "NOT_LOADED" && order.live) return false;
    if (code === "STALE_EPOCH") return false;
  }
  return true;
}

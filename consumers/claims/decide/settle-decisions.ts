import { StampedeError } from "../../../contracts/wire/errors.ts";
import type { CouponId } from "../../../contracts/wire/ids.ts";
import { insertRefusals } from "../../../db/claims/refusals.ts";
import type { IncomingRecord } from "../../../kafka/kafka.ts";
import type { Rejected } from "../../engine/role.ts";
import { acknowledge } from "../persist/acknowledge.ts";
import { failedRecord } from "../persist/announce.ts";
import { type Settling, settleClaims } from "../persist/settle-claims.ts";
import type { DecidedRefusal, Decisions } from "./decide-sale.ts";
import type { Request } from "./request.ts";
import { settleSecond } from "./settle-second.ts";

const NO_ENTRY = "0-0";
/** No sale has it, so that no slot is released. */
const NO_EPOCH = 0;

export interface SettledDecisions {
  /** Sales of which something cannot be settled now; all of their requests of this turn are to be repeated, in order. */
  readonly unsettled: ReadonlySet<CouponId>;
  readonly rejected: readonly Rejected[];
}

/**
 * Brings decisions to their end: first the winners (persisted, announced, out of the ledger), then their second requests,
 * then the refusals: a user must not be told "sold out" before the winners are persisted.
 * @throws what PostgreSQL, Kafka or Redis threw; repeat the whole turn
 */
export async function settleDecisions(
  settling: Settling,
  decisions: ReadonlyMap<CouponId, Decisions>,
  records: ReadonlyMap<string, IncomingRecord>,
): Promise<SettledDecisions> {
  const all = [...decisions.values()];
  const { deferred, unknown } = await settleClaims(
    settling,
    all.flatMap(({ granted }) => granted),
  );
  const unsettled = new Set(deferred.map(({ couponId }) => couponId));
  const rejected = unknown.map(({ requestId, couponId }) => {
    const error = new StampedeError("COUPON_NOT_FOUND", `PostgreSQL has no sale ${couponId}`);
    return { record: records.get(requestId)!, error };
  });

  const isSettled = ({ request }: { readonly request: Request }) => !unsettled.has(request.couponId);
  const second = all.flatMap((decided) => decided.second).filter(isSettled);
  const { news, issued, undecided } = await settleSecond(settling.sql, second);
  for (const { couponId } of undecided) unsettled.add(couponId);

  const refused = all.flatMap((decided) => decided.refused).filter(isSettled);
  const kept = refused.filter(({ known }) => !known).map(({ request, reason }) => ({ ...request, reason }));
  if (kept.length > 0) await insertRefusals(settling.sql, kept);
  const told = [...news, ...refused.map(({ request, reason }) => failedRecord(request, reason))];
  if (told.length > 0) await settling.producer.sendAll(told);
  const entries = issued.map(({ request, slot }) => ({ ...request, slot, ledgerId: NO_ENTRY }));
  await acknowledge(settling, entries);
  await remindRedis(settling, refused);
  return { unsettled, rejected };
}

/**
 * A Redis that forgot a refusal takes the request for undecided, and its owner could never ask anew: nothing is released
 * here, only the status becomes FAILED again. Never rejects: the next delivery tries it again.
 */
async function remindRedis(settling: Settling, refused: readonly DecidedRefusal[]): Promise<void> {
  const remind = async ({ request, reason }: DecidedRefusal) => {
    const { couponId, userId, requestId } = request;
    await settling.scripts.release(couponId, { userId, requestId, epoch: NO_EPOCH, reason });
  };
  try {
    await Promise.all(refused.filter(({ known }) => known).map(remind));
  } catch (error) {
    settling.onError("a status stays PENDING", error);
  }
}

import { StampedeError } from "../../contracts/errors.ts";
import type { CouponId } from "../../contracts/ids.ts";
import type { Topic } from "../../contracts/topics.ts";
import { findRefusals } from "../../db/queries/find-refusals.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { Settling } from "../coupon-persist/settle-claims.ts";
import type { Rejected, Role } from "../role.ts";
import { judgeAbsent } from "./absent.ts";
import { type Decisions, decideSale } from "./decide-sale.ts";
import { parseRequest, type Request } from "./request.ts";
import { settleDecisions } from "./settle-decisions.ts";
import { WaitingRequests } from "./waiting-requests.ts";

export const REQUESTS_TOPIC: Topic = "coupon-requests";
/** The group whose committed offsets say what is decided and settled. */
export const DECIDE_GROUP = "coupon-decide";

/** While so many requests wait, the role takes no more: about 100 MB. */
const MAX_WAITING = 100_000;

export interface Deciding {
  readonly settling: Settling;
  /** So long after its end nobody loads a sale any more. */
  readonly keepHours: number;
  readonly observe: { decided(outcome: string, requests: number): void; waitingRequests(requests: number): void };
}

type BySale = Map<CouponId, readonly Request[]>;

/**
 * Queued sales, in the order of the log: Redis decides, winners are persisted and announced, refusals are kept and told,
 * and only then is the batch done. Nothing of a sale is decided before everything ahead of it is settled, so whoever
 * repeats from a committed offset (after a crash, in another process, on a rebuilt Redis) comes to the same winners.
 */
export function couponDecide(deciding: Deciding): Role {
  const { settling, keepHours, observe } = deciding;
  const waiting = new WaitingRequests();

  async function settleTurn(turn: BySale, tenures: ReadonlyMap<string, number>): Promise<readonly Rejected[]> {
    const requests = [...turn.values()].flat();
    const told = await findRefusals(
      settling.sql,
      requests.map(({ requestId }) => requestId),
    );
    const decisions = new Map<CouponId, Decisions>();
    const decide = async (couponId: CouponId, ofSale: readonly Request[]) => {
      const open = ofSale.filter(({ requestId }) => !told.has(requestId));
      const decided = await decideSale(settling.scripts, couponId, open);
      const again = ofSale.filter(({ requestId }) => told.has(requestId));
      const refused = [
        ...again.map((request) => ({ request, reason: told.get(request.requestId)!, known: true as const })),
        ...decided.refused,
      ];
      decisions.set(couponId, { ...decided, refused });
    };
    await Promise.all([...turn].map(([couponId, ofSale]) => decide(couponId, ofSale)));
    const gone = await judgeAbsent(settling.sql, keepHours, decisions);
    settling.fault("decide:decided");

    const records = new Map(requests.map((request) => [request.requestId as string, request.record]));
    const { unsettled, rejected } = await settleDecisions(settling, decisions, records);
    settling.fault("decide:settled");
    for (const [couponId, decided] of decisions) {
      waiting.keep(
        couponId,
        unsettled.has(couponId) ? turn.get(couponId)! : decided.waiting,
        tenures,
        performance.now(),
      );
      if (!unsettled.has(couponId)) count(observe, decided);
    }
    return [...gone, ...rejected];
  }

  return {
    name: "coupon-decide",
    groupId: DECIDE_GROUP,
    topics: [REQUESTS_TOPIC],
    patience: "wait",
    maxBatch: 1_000,
    lingerMs: 2,
    concurrency: 1, // the order is the rule
    waiting,
    async handle(records) {
      const tenures = waiting.tenures();
      const turn = waiting.dueSales(performance.now());
      if (waiting.size >= MAX_WAITING && turn.size === 0) {
        throw new StampedeError("OVERLOADED", `${waiting.size} requests wait for their sales`);
      }
      const { behind, rejected } = sortIn(records, turn, waiting);
      const found = turn.size === 0 ? [] : await settleTurn(turn, tenures);
      for (const request of behind) waiting.append(request);
      observe.waitingRequests(waiting.size);
      return [...rejected, ...found];
    },
  };
}

/**
 * New requests go behind those of their sale that are in this turn. `behind`: their sale waits and is not tried in this
 * turn, so they wait too.
 */
function sortIn(records: readonly IncomingRecord[], turn: BySale, waiting: WaitingRequests) {
  const behind: Request[] = [];
  const rejected: Rejected[] = [];
  const fresh = new Map<CouponId, Request[]>();
  for (const record of records) {
    try {
      const request = parseRequest(record);
      const { couponId } = request;
      if (waiting.has(couponId) && !turn.has(couponId)) behind.push(request);
      else if (fresh.has(couponId)) fresh.get(couponId)!.push(request);
      else fresh.set(couponId, [request]);
    } catch (error) {
      rejected.push({ record, error });
    }
  }
  for (const [couponId, requests] of fresh) turn.set(couponId, [...(turn.get(couponId) ?? []), ...requests]);
  return { behind, rejected };
}

function count(observe: Deciding["observe"], { granted, second, refused }: Decisions): void {
  if (granted.length > 0) observe.decided("ISSUED", granted.length);
  if (second.length > 0) observe.decided("ALIASED", second.length);
  const reasons = new Map<string, number>();
  for (const { reason } of refused) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, requests] of reasons) observe.decided(reason, requests);
}

import type { CouponId } from "../../../contracts/wire/ids.ts";
import { findRefusals } from "../../../db/claims/refusals.ts";
import { isDatabaseError } from "../../../db/errors.ts";
import { KafkaError } from "../../../kafka/kafka.ts";
import { failureKind } from "../../engine/failure.ts";
import type { Rejected } from "../../engine/role.ts";
import type { Settling } from "../persist/settle-claims.ts";
import { type Decisions, decideSale } from "./decide-sale.ts";
import { judgeMissingSales } from "./missing-sales.ts";
import type { Request } from "./request.ts";
import { settleDecisions } from "./settle-decisions.ts";
import type { WaitingRequests } from "./waiting-requests.ts";

export interface TurnDeps {
  readonly settling: Settling;
  /** How long after its end a sale is still loaded. */
  readonly keepHours: number;
  readonly waiting: WaitingRequests;
  readonly decided: (outcome: string, requests: number) => void;
}

type OfSale = readonly [CouponId, readonly Request[]];
type BySale = ReadonlyMap<CouponId, readonly Request[]>;
const nameOf = ([couponId]: OfSale): string => couponId;

/** How many sales are settled at the same time, each in a separate transaction. */
const ALONE_AT_ONCE = 8;

/**
 * Decides and settles the first requests of the sales whose time it is: all together, because a transaction a sale costs
 * ten times as much when many sales have a few requests each. Where one fails, each is settled alone; the one at fault
 * stays in hand and is left out for a while, the others go on.
 */
export class Turns {
  readonly #deps: TurnDeps;

  constructor(deps: TurnDeps) {
    this.#deps = deps;
  }

  /** @throws what PostgreSQL or Kafka threw when they are away: nothing was settled, and no sale is at fault */
  async take(nowMs: number, signal: AbortSignal): Promise<Rejected[]> {
    const { waiting } = this.#deps;
    const turn = [...waiting.turn(nowMs)];
    const rejected: Rejected[] = [];
    const well = turn.filter(([couponId]) => !waiting.isAiling(couponId));
    let alone = turn.filter(([couponId]) => waiting.isAiling(couponId));
    if (well.length > 0) {
      try {
        rejected.push(...(await this.#settle(new Map(well))));
      } catch (error) {
        if (await this.#isNeighbourAway(error)) throw error;
        alone = [...alone, ...well];
      }
    }
    await this.#settleAlone(alone, rejected, signal);
    return rejected;
  }

  /** Each sale has separate transactions. A sale that fails stays in hand and rests; the log names it. */
  async #settleAlone(sales: readonly OfSale[], rejected: Rejected[], signal: AbortSignal): Promise<void> {
    const { settling, waiting } = this.#deps;
    const settle = async ([couponId, requests]: OfSale) => {
      if (signal.aborted) return;
      try {
        rejected.push(...(await this.#settle(new Map([[couponId, requests]]))));
      } catch (error) {
        if (failureKind(error) !== "permanent") throw error;
        // What no retry helps: halved until the one request at fault is found.
        if (requests.length > 1) waiting.halve(couponId, requests.length);
        else {
          waiting.settled(couponId, requests);
          rejected.push({ record: requests[0]!.record, error });
        }
      }
    };
    const done = await settling.leftOut.runEach("settling requests", sales, nameOf, settle, {
      atOnce: ALONE_AT_ONCE,
      throwsIfAway: false,
    });
    const isDone = new Set(done.map(({ thing: [couponId] }) => couponId));
    for (const [couponId] of sales) if (!isDone.has(couponId)) waiting.failed(couponId, performance.now());
  }

  async #settle(turn: BySale): Promise<readonly Rejected[]> {
    const { settling, keepHours, waiting, decided: count } = this.#deps;
    const decisions = await this.#decide(turn);
    const gone = await judgeMissingSales(settling, keepHours, decisions);
    settling.fault("decide:decided");
    const records = new Map([...turn.values()].flat().map(({ requestId, record }) => [requestId as string, record]));
    const { unsettled, rejected } = await settleDecisions(settling, decisions, records);
    settling.fault("decide:settled");
    for (const [couponId, decided] of decisions) {
      if (!unsettled.has(couponId)) {
        const waits = new Set(decided.waiting);
        const done = turn.get(couponId)!.filter((request) => !waits.has(request));
        waiting.settled(couponId, done);
        countOutcomes(count, decided);
      }
      if (unsettled.has(couponId) || decided.waiting.length > 0) waiting.postpone(couponId, performance.now());
    }
    return [...gone, ...rejected];
  }

  /** Redis' decisions, each sale on its own: one whose keys are broken, or whose shard is away, stops no other. */
  async #decide(turn: BySale): Promise<Map<CouponId, Decisions>> {
    const { settling, waiting } = this.#deps;
    const requestIds = [...turn.values()].flat().map(({ requestId }) => requestId);
    const told = await findRefusals(settling.sql, requestIds);
    const decide = async ([couponId, requests]: OfSale): Promise<Decisions> => {
      const open = requests.filter(({ requestId }) => !told.has(requestId));
      const decided = await decideSale(settling.scripts, couponId, open);
      const again = requests.flatMap((request) => {
        const reason = told.get(request.requestId);
        return reason === undefined ? [] : [{ request, reason, known: true as const }];
      });
      return { ...decided, refused: [...again, ...decided.refused] };
    };
    const decided = await settling.leftOut.runEach("deciding requests", [...turn], nameOf, decide, {
      throwsIfAway: false,
    });
    const decisions = new Map(decided.map(({ thing: [couponId], result }) => [couponId, result]));
    for (const couponId of turn.keys()) if (!decisions.has(couponId)) waiting.failed(couponId, performance.now());
    return decisions;
  }

  /** An error of PostgreSQL's may be about one sale (a locked row), unless PostgreSQL does not answer at all. */
  async #isNeighbourAway(error: unknown): Promise<boolean> {
    if (error instanceof KafkaError) return error.retryable;
    if (!isDatabaseError(error) || failureKind(error) === "permanent") return false;
    return await this.#deps.settling.sql`SELECT 1`.then(
      () => false,
      () => true,
    );
  }
}

function countOutcomes(count: TurnDeps["decided"], { granted, second, refused }: Decisions): void {
  if (granted.length > 0) count("ISSUED", granted.length);
  if (second.length > 0) count("ALIASED", second.length);
  const reasons = new Map<string, number>();
  for (const { reason } of refused) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, requests] of reasons) count(reason, requests);
}

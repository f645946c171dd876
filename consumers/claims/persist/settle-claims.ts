import type { Fault } from "../../../contracts/wire/fault-points.ts";
import type { CouponId, RequestId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import type { Sql } from "../../../db/client.ts";
import { findLeftSales } from "../../../db/sales/reopening.ts";
import type { OutgoingRecord, Producer } from "../../../kafka/kafka.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import { type Acknowledge, acknowledge } from "./acknowledge.ts";
import { failedRecord, issuedRecord } from "./announce.ts";
import { bury, type GivenUp, releaseBuried } from "./give-up.ts";
import { groupBySale } from "./group-by-sale.ts";
import type { ClaimOutcome, GrantedClaim } from "./outcome.ts";
import { newestByRequest, persistClaims } from "./persist-claims.ts";
import { reclaim } from "./reclaim.ts";

export interface Settling {
  readonly sql: Sql;
  readonly scripts: SaleScripts;
  readonly producer: Pick<Producer, "sendAll">;
  /** Sales that Redis does not answer about: their claims are deferred, those of others go on. */
  readonly leftOut: LeftOut;
  /** Redis and PostgreSQL contradict each other, or Redis lost a sale that no loader looks at: it must be rebuilt. */
  readonly raiseFence: (couponId: CouponId, epoch: number, why: ClaimOutcome["code"] | "NOT_LOADED") => Promise<void>;
  /** Where a process may be killed, for tests. */
  readonly fault: Fault;
  readonly count: (code: ClaimOutcome["code"], claims: number) => void;
  readonly onError: (message: string, error: unknown) => void;
}

export interface Settlement {
  /** Ended, one way or the other, and told. */
  readonly settled: number;
  /** Cannot be decided now; to be settled again later. */
  readonly deferred: readonly GrantedClaim[];
  /** Of sales that PostgreSQL does not know. */
  readonly unknown: readonly GrantedClaim[];
  /** Settled, but their ledger entries could not be removed. */
  readonly unacknowledged: number;
}

/** Decided again, persisted again; what is still open then waits for its next turn. */
const ROUNDS = 8;
/** A load takes a few milliseconds between putting the winners in place and saying so. */
const LOADING_PAUSE_MS = 20;

interface Issued {
  readonly claim: GrantedClaim;
  readonly outcome: Extract<ClaimOutcome, { slot: number }>;
}

/**
 * Brings claims to their end: persisted or given up, their owners told, the ledger relieved. Safe to repeat at any
 * point, and safe beside another process that settles the same claims.
 * The order is the promise: PostgreSQL commits; then Redis is repaired where it disagrees; then the facts go to
 * coupon-events and are acknowledged there; then the ledger entries go. A crash anywhere leaves the claim in the log or the ledger.
 * A claim that was revoked between its row and its news is told FAILED once more, so that this is the last word.
 * Where Redis does not answer about a sale (its shard is away, a key is broken), only that sale's claims are deferred.
 * @throws what PostgreSQL or Kafka threw; repeat the whole batch
 */
export async function settleClaims(deps: Settling, claims: readonly GrantedClaim[]): Promise<Settlement> {
  const found: Issued[] = [];
  const givenUp: GivenUp[] = [];
  const deferred: GrantedClaim[] = [];
  const unknown: GrantedClaim[] = [];
  let open: readonly GrantedClaim[] = newestByRequest(claims);
  for (let round = 1; open.length > 0 && round <= ROUNDS; round++) {
    const outcomes = await persistClaims(deps.sql, open);
    deps.fault("persist:committed");
    const passed: GrantedClaim[] = [];
    const loading: GrantedClaim[] = [];
    const proofs = new Map<CouponId, GrantedClaim>();
    open.forEach((claim, i) => {
      const outcome = outcomes[i]!;
      switch (outcome.code) {
        case "PERSISTED":
        case "REPEATED":
        case "ALIASED":
          found.push({ claim, outcome });
          break;
        case "TOMBSTONED":
          givenUp.push({ claim, reason: outcome.reason });
          break;
        case "EPOCH_PASSED":
          passed.push(claim);
          break;
        case "SALE_LOADING":
          loading.push(claim);
          break;
        case "COUPON_NOT_FOUND":
          unknown.push(claim);
          break;
        default:
          if (outcome.proof) proofs.set(claim.couponId, claim);
          deferred.push(claim);
      }
    });
    tally(deps, outcomes);
    for (const [couponId, { epoch, requestId }] of proofs) {
      await deps.raiseFence(couponId, epoch, outcomes[open.findIndex((c) => c.requestId === requestId)]!.code);
    }
    const again = await decideAgain(deps, passed, givenUp, deferred);
    if (loading.length > 0) await new Promise((resolve) => setTimeout(resolve, LOADING_PAUSE_MS));
    open = [...again, ...loading];
  }
  deferred.push(...open);

  const unrepaired = await repairWinners(deps, found);
  deferred.push(...unrepaired);
  const issued = found.filter(({ claim }) => !unrepaired.has(claim));
  const fenced = await releaseBuried(deps, givenUp);
  deferred.push(...fenced);
  const told = givenUp.filter(({ claim }) => !fenced.has(claim));
  await tell(deps, issued, told);
  deps.fault("persist:announced");
  const { left: unacknowledged, failed } = await relieveLedger(deps, claims, issued);
  await tell(deps, [], revokedMeanwhile(issued, failed));
  return { settled: issued.length + told.length, deferred, unknown, unacknowledged };
}

function tally(deps: Settling, outcomes: readonly ClaimOutcome[]): void {
  const counts = new Map<ClaimOutcome["code"], number>();
  for (const { code } of outcomes) counts.set(code, (counts.get(code) ?? 0) + 1);
  for (const [code, count] of counts) deps.count(code, count);
}

/**
 * Claims from before a rebuild: each gets a new slot or a tombstone, or is deferred. If the sale has left Redis for good, its
 * claims are given up. Returns what is to be persisted now.
 */
async function decideAgain(
  deps: Settling,
  passed: readonly GrantedClaim[],
  givenUp: GivenUp[],
  deferred: GrantedClaim[],
): Promise<readonly GrantedClaim[]> {
  const bySale = [...groupBySale(passed)];
  const answered = await deps.leftOut.runEach(
    "deciding claims again",
    bySale,
    ([couponId]) => couponId,
    ([, ofSale]) => reclaim(deps.scripts, ofSale),
    { throwsIfAway: false },
  );
  const answeredSales = new Set(answered.map(({ thing: [couponId] }) => couponId));
  const undecided: GrantedClaim[] = [];
  for (const [couponId, ofSale] of bySale) if (!answeredSales.has(couponId)) undecided.push(...ofSale);
  const granted: GrantedClaim[] = [];
  const refused: GivenUp[] = [];
  for (const { result } of answered) {
    granted.push(...result.granted);
    refused.push(...result.refused);
    undecided.push(...result.undecided);
  }
  if (undecided.length > 0) {
    const left = await findLeftSales(
      deps.sql,
      undecided.map(({ couponId }) => couponId),
    );
    for (const claim of undecided) {
      if (left.has(claim.couponId)) refused.push({ claim, reason: "ENDED" });
      else deferred.push(claim);
    }
  }
  const { buried, persisted } = await bury(deps.sql, refused);
  givenUp.push(...buried);
  return [...granted, ...persisted];
}

/**
 * The alias rule: Redis forgot the older win of a user; its winner entry becomes that one.
 * @returns the claims whose repair failed: they are not to be told yet
 */
async function repairWinners(deps: Settling, found: readonly Issued[]): Promise<ReadonlySet<GrantedClaim>> {
  const aliases = found.flatMap(({ claim, outcome }) =>
    outcome.code === "ALIASED" ? [{ ...claim, claim, outcome }] : [],
  );
  const bySale = [...groupBySale(aliases)];
  const repaired = await deps.leftOut.runEach(
    "repairing winners",
    bySale,
    ([couponId]) => couponId,
    async ([couponId, ofSale]) => {
      const calls = ofSale.map(({ userId, requestId, outcome }) =>
        // NOT_LOADED: the sale is being rebuilt from PostgreSQL, which is the same repair.
        deps.scripts.replaceWinner(couponId, {
          userId,
          requestId,
          keptRequestId: outcome.original as RequestId,
          keptSlot: outcome.slot,
          freeSlot: !outcome.slotHeld,
        }),
      );
      await Promise.all(calls);
    },
    { throwsIfAway: false },
  );
  const done = new Set(repaired.map(({ thing: [couponId] }) => couponId));
  return new Set(aliases.filter(({ couponId }) => !done.has(couponId)).map(({ claim }) => claim));
}

async function tell(deps: Settling, issued: readonly Issued[], failed: readonly GivenUp[]): Promise<void> {
  const records: OutgoingRecord[] = [];
  for (const { claim, outcome } of issued) records.push(issuedRecord(claim, outcome.slot, outcome.issuedAt));
  for (const { claim, reason } of failed) records.push(failedRecord(claim, reason));
  if (records.length > 0) await deps.producer.sendAll(records);
}

/** Both entries of a claim that was decided twice: the one it came with and the one of its new grant. */
function relieveLedger(deps: Settling, claims: readonly GrantedClaim[], issued: readonly Issued[]) {
  const entries: Acknowledge[] = [];
  const slots = new Map<RequestId, number>();
  const seen = new Set<string>();
  const add = ({ couponId, requestId, ledgerId }: GrantedClaim, slot: number) => {
    const key = `${ledgerId} ${requestId}`;
    if (seen.has(key)) return;
    seen.add(key);
    entries.push({ couponId, requestId, ledgerId, slot });
  };
  for (const { claim, outcome } of issued) {
    slots.set(claim.requestId, outcome.slot);
    add(claim, outcome.slot);
  }
  for (const claim of claims) {
    const slot = slots.get(claim.requestId);
    if (slot !== undefined) add(claim, slot);
  }
  return acknowledge(deps, entries);
}

function revokedMeanwhile(issued: readonly Issued[], failed: ReadonlyMap<RequestId, ResultCode>): GivenUp[] {
  if (failed.size === 0) return [];
  return issued.flatMap(({ claim }) => {
    const reason = failed.get(claim.requestId);
    return reason === undefined ? [] : [{ claim, reason }];
  });
}

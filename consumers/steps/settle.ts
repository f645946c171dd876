import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Sql } from "../../db/client.ts";
import { sqlState } from "../../db/errors.ts";
import { decideStep, Overtaken } from "../../db/steps/decide.ts";
import type { NewOutcome, OutcomeRow } from "../../db/steps/outcomes.ts";
import type { BrokenCommand, Restore, StepCommand, StepRequest } from "./request.ts";
import type { LockedRows, StepVerdict, StepWork } from "./step-work.ts";

export interface DecidedSteps<S extends Step> {
  /** The row of every order whose request can be answered. */
  readonly rows: ReadonlyMap<OrderId, OutcomeRow>;
  readonly waiting: readonly StepCommand<S>[];
}

export interface DecideStepsOptions {
  /** Waiting commands that may wait no more. */
  readonly refused?: ReadonlyMap<OrderId, ResultCode>;
  /** How long it waits for a locked row, milliseconds (55P03 then); default: as long as a statement may run. */
  readonly lockMs?: number;
}

/** Tries when another process decides the same orders at the same time; more tries would mean a bug. */
const TRIES = 10;
/** Deadlock and serialization failure: the server took everything back. */
const ROLLED_BACK = new Set(["40P01", "40001"]);

/**
 * Decides a batch of one step: outcomes and effects in one transaction. Rows that decide come first, by `work.enter`;
 * then `step_outcomes` arbitrates: the process that writes an order's row applies its effect, all others repeat the row. If
 * another process wrote one first, this batch is rolled back and decided again, because its other orders were decided as if
 * that one took something.
 * @throws the driver's error: nothing was written
 */
export async function decideSteps<S extends Step>(
  sql: Sql,
  work: StepWork<S>,
  requests: readonly StepRequest<S>[],
  { refused = new Map(), lockMs = 0 }: DecideStepsOptions = {},
): Promise<DecidedSteps<S>> {
  const batch = sort(requests);
  for (let attempt = 1; ; attempt++) {
    try {
      return await decideOnce(sql, work, batch, refused, lockMs);
    } catch (error) {
      if (!(error instanceof Overtaken) && !ROLLED_BACK.has(sqlState(error) ?? "")) throw error;
      if (attempt === TRIES)
        throw new StampedeError("OVERLOADED", "others keep deciding the same orders", { cause: error });
    }
  }
}

interface Batch<S extends Step> {
  readonly commands: ReadonlyMap<OrderId, StepCommand<S>>;
  readonly broken: ReadonlyMap<OrderId, BrokenCommand>;
  readonly restores: ReadonlyMap<OrderId, Restore<S>>;
}

/** One of a kind per order, the first: a repeated one says nothing new. */
function sort<S extends Step>(requests: readonly StepRequest<S>[]): Batch<S> {
  const commands = new Map<OrderId, StepCommand<S>>();
  const broken = new Map<OrderId, BrokenCommand>();
  const restores = new Map<OrderId, Restore<S>>();
  for (const request of requests) {
    const { orderId } = request;
    if (request.kind === "restore") restores.set(orderId, restores.get(orderId) ?? request);
    else if (request.kind === "command") commands.set(orderId, commands.get(orderId) ?? request);
    else broken.set(orderId, request);
  }
  return { commands, broken, restores };
}

async function decideOnce<S extends Step>(
  sql: Sql,
  work: StepWork<S>,
  batch: Batch<S>,
  refused: ReadonlyMap<OrderId, ResultCode>,
  lockMs: number,
): Promise<DecidedSteps<S>> {
  const { commands, broken, restores } = batch;
  let waiting: readonly StepCommand<S>[] = [];
  const rows = await decideStep<LockedRows<S>>(sql, {
    step: work.step,
    orderIds: [...new Set([...commands.keys(), ...broken.keys(), ...restores.keys()])],
    restored: [...restores.keys()],
    lockMs,
    enter: (tx) => work.enter(tx, [...commands.values()], [...restores.values()]),
    undo: (tx, locked, orderIds) =>
      locked.undo(
        tx,
        orderIds.map((orderId) => restores.get(orderId)!),
      ),
    judge(locked, found) {
      const judged = judgeBatch(locked, batch, refused, found);
      waiting = judged.waiting;
      return judged.outcomes;
    },
    write: (tx, locked) => locked.write(tx),
  });
  return { rows, waiting };
}

/** What the orders come to that have no outcome yet, in the order in which they came; a restore without an outcome leaves a tombstone. */
function judgeBatch<S extends Step>(
  locked: LockedRows<S>,
  { commands, broken, restores }: Batch<S>,
  refused: ReadonlyMap<OrderId, ResultCode>,
  found: ReadonlyMap<OrderId, OutcomeRow>,
): { readonly outcomes: readonly NewOutcome[]; readonly waiting: readonly StepCommand<S>[] } {
  const outcomes: NewOutcome[] = [];
  const waiting: StepCommand<S>[] = [];
  const isOpen = (orderId: OrderId) => !found.has(orderId) && !restores.has(orderId);
  for (const orderId of restores.keys()) {
    if (!found.has(orderId)) outcomes.push({ orderId, outcome: "TOMBSTONE", ...NOTHING_SAID });
  }
  for (const orderId of broken.keys()) if (isOpen(orderId)) outcomes.push(outcomeOf(orderId, INTERNAL));
  for (const [orderId, command] of commands) {
    if (!isOpen(orderId) || broken.has(orderId)) continue;
    const verdict = orWait(locked.judge(command), refused.get(orderId));
    if (verdict.outcome === "WAIT") waiting.push(command);
    else outcomes.push(outcomeOf(orderId, verdict));
  }
  return { outcomes, waiting };
}

type Definite = Exclude<StepVerdict, { readonly outcome: "WAIT" }>;

const outcomeOf = (orderId: OrderId, verdict: Definite): NewOutcome =>
  verdict.outcome === "FAILED"
    ? { orderId, outcome: "FAILED", reason: verdict.reason, productId: verdict.productId ?? null }
    : { orderId, outcome: verdict.outcome, ...NOTHING_SAID };

const NOTHING_SAID = { reason: null, productId: null };
const INTERNAL: Definite = { outcome: "FAILED", reason: "INTERNAL" };

/** A command that waits, unless its wait was refused meanwhile. */
const orWait = (verdict: StepVerdict, refused: ResultCode | undefined): StepVerdict =>
  verdict.outcome === "WAIT" && refused !== undefined ? { outcome: "FAILED", reason: refused } : verdict;

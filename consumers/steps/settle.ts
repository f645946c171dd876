import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Sql } from "../../db/client.ts";
import { sqlState } from "../../db/errors.ts";
import {
  findStepOutcomes,
  insertStepOutcomes,
  markStepsRestored,
  type NewOutcome,
  type OutcomeRow,
} from "../../db/steps/outcomes.ts";
import type { BrokenCommand, Restore, StepCommand, StepRequest } from "./request.ts";
import type { StepVerdict, StepWork } from "./step-work.ts";

export interface DecidedSteps<S extends Step> {
  /** The row of every order whose request can be answered. */
  readonly rows: ReadonlyMap<OrderId, OutcomeRow>;
  readonly waiting: readonly StepCommand<S>[];
}

export interface DecideStepsOptions {
  /** Waiting commands that may wait no more. */
  readonly refused?: ReadonlyMap<OrderId, ResultCode>;
  /** So long it waits for a row that somebody holds, milliseconds (55P03 then); default: as long as a statement may run. */
  readonly lockMs?: number;
}

/** Somebody else decides the same orders at the same time; more often than this it is a bug. */
const TRIES = 10;
/** Deadlock and serialization failure: the server took everything back. */
const ROLLED_BACK = new Set(["40P01", "40001"]);
/** Another batch wrote the row of an order that this one was about to decide. */
class Overtaken extends Error {}

/**
 * Decides a batch of one step: outcomes and effects in one transaction. Rows that decide come first, by `work.enter`;
 * then `step_outcomes` arbitrates: whoever writes an order's row applies its effect, everybody else repeats the row. If
 * somebody else was quicker, this batch is taken back and judged anew, because its other orders were judged as if that one
 * took something.
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

function decideOnce<S extends Step>(
  sql: Sql,
  work: StepWork<S>,
  { commands, broken, restores }: Batch<S>,
  refused: ReadonlyMap<OrderId, ResultCode>,
  lockMs: number,
): Promise<DecidedSteps<S>> {
  const orderIds = [...new Set([...commands.keys(), ...broken.keys(), ...restores.keys()])];
  return sql.begin(async (tx) => {
    // Sent with the next statement: no round trip of its own.
    const limited = lockMs > 0 ? tx`SELECT set_config('lock_timeout', ${String(lockMs)}, true)`.execute() : null;
    const [ground] = await Promise.all([work.enter(tx, [...commands.values()], [...restores.values()]), limited]);
    const found = await findStepOutcomes(tx, work.step, orderIds);
    const rows = new Map(found.map((row) => [row.orderId, row]));

    const undone = [...restores.values()].filter(({ orderId }) => isStanding(rows.get(orderId)));
    if (undone.length > 0) await ground.undo(tx, undone);
    const outcomes: NewOutcome[] = [];
    const note = (orderId: OrderId, verdict: StepVerdict | { readonly outcome: "TOMBSTONE" }) => {
      const { outcome } = verdict;
      if (outcome === "WAIT") return false;
      const said =
        outcome === "FAILED" ? { reason: verdict.reason, productId: verdict.productId ?? null } : NOTHING_SAID;
      outcomes.push({ orderId, outcome, ...said });
      return true;
    };
    for (const orderId of restores.keys()) if (!rows.has(orderId)) note(orderId, { outcome: "TOMBSTONE" });
    const isOpen = (orderId: OrderId) => !rows.has(orderId) && !restores.has(orderId);
    for (const orderId of broken.keys()) if (isOpen(orderId)) note(orderId, INTERNAL);
    const waiting: StepCommand<S>[] = [];
    for (const [orderId, command] of commands) {
      if (!isOpen(orderId) || broken.has(orderId)) continue;
      if (!note(orderId, orWait(ground.judge(command), refused.get(orderId)))) waiting.push(command);
    }

    const [written, marked] = await Promise.all([
      outcomes.length === 0 ? [] : insertStepOutcomes(tx, work.step, outcomes),
      undone.length === 0
        ? []
        : markStepsRestored(
            tx,
            work.step,
            undone.map(({ orderId }) => orderId),
          ),
    ]);
    if (written.length < outcomes.length || marked.length < undone.length) throw new Overtaken("overtaken");
    for (const row of [...written, ...marked]) rows.set(row.orderId, row);
    await ground.write(tx);
    return { rows, waiting };
  });
}

const NOTHING_SAID = { reason: null, productId: null };
const INTERNAL: StepVerdict = { outcome: "FAILED", reason: "INTERNAL" };
const isStanding = (row: OutcomeRow | undefined) => row?.outcome === "COMPLETED" && row.restoredAt === null;

/** A command that waits, unless its wait was refused meanwhile. */
const orWait = (verdict: StepVerdict, refused: ResultCode | undefined): StepVerdict =>
  verdict.outcome === "WAIT" && refused !== undefined ? { outcome: "FAILED", reason: refused } : verdict;

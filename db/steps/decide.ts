import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { Executor, Sql } from "../client.ts";
import {
  findStepOutcomes,
  insertStepOutcomes,
  markStepsRestored,
  type NewOutcome,
  type OutcomeRow,
} from "./outcomes.ts";

/** A batch of one step, and what its role does with the rows that it locks. */
export interface StepBatch<Rows> {
  readonly step: Step;
  readonly orderIds: readonly OrderId[];
  /** Those of the orders whose effect is wanted back. */
  readonly restored: readonly OrderId[];
  /** How long it waits for a row that another transaction holds, milliseconds (then 55P03); 0: as long as a statement may run. */
  readonly lockMs: number;
  /** Locks the rows that decide, in an order that all batches share, and reads them. */
  enter(tx: Executor): Promise<Rows>;
  /** Gives back what these orders took, before anything is judged. */
  undo(tx: Executor, rows: Rows, orderIds: readonly OrderId[]): Promise<void>;
  /** Decides the orders that have no outcome in `found`. */
  judge(rows: Rows, found: ReadonlyMap<OrderId, OutcomeRow>): readonly NewOutcome[];
  /** Writes the effects of all that was undone and taken. */
  write(tx: Executor, rows: Rows): Promise<void>;
}

/** Another batch wrote the outcome of an order that this one was about to decide: nothing was written. */
export class Overtaken extends Error {}

/**
 * Decides a batch of one step, outcomes and effects in one transaction. The rows that decide are locked first; then
 * `step_outcomes` arbitrates: the transaction that inserts an order's row applies its effect, and all others repeat the row.
 * @returns the outcome of every order that has one
 * @throws Overtaken; the driver's error. Nothing was written
 */
export function decideStep<Rows>(sql: Sql, batch: StepBatch<Rows>): Promise<Map<OrderId, OutcomeRow>> {
  const { step, orderIds, restored, lockMs } = batch;
  return sql.begin(async (tx) => {
    // Sent with the next statement: no round trip more.
    const limited = lockMs > 0 ? tx`SELECT set_config('lock_timeout', ${String(lockMs)}, true)`.execute() : null;
    const [rows] = await Promise.all([batch.enter(tx), limited]);
    const found = await findStepOutcomes(tx, step, orderIds);
    const outcomes = new Map(found.map((row) => [row.orderId, row]));

    const undone = restored.filter((orderId) => isStanding(outcomes.get(orderId)));
    if (undone.length > 0) await batch.undo(tx, rows, undone);
    const decided = batch.judge(rows, outcomes);
    const [written, marked] = await Promise.all([
      decided.length === 0 ? [] : insertStepOutcomes(tx, step, decided),
      undone.length === 0 ? [] : markStepsRestored(tx, step, undone),
    ]);
    if (written.length < decided.length || marked.length < undone.length) throw new Overtaken("overtaken");
    for (const row of [...written, ...marked]) outcomes.set(row.orderId, row);
    await batch.write(tx, rows);
    return outcomes;
  });
}

const isStanding = (row: OutcomeRow | undefined) => row?.outcome === "COMPLETED" && row.restoredAt === null;

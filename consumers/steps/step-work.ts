import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Executor } from "../../db/client.ts";
import type { Restore, StepCommand } from "./request.ts";

/** WAIT: what it is about is not in PostgreSQL (yet); see StepWork.lookElsewhere. */
export type StepVerdict =
  | { readonly outcome: "COMPLETED" }
  | { readonly outcome: "FAILED"; readonly reason: ResultCode; readonly productId?: ProductId }
  | { readonly outcome: "WAIT" };
export const COMPLETED: StepVerdict = { outcome: "COMPLETED" };
export const WAIT: StepVerdict = { outcome: "WAIT" };

/**
 * What a batch is about, as it stands in the database and locked there. Orders are judged one after the other against it,
 * in memory, so that those of one batch compete as they came; then all effects are written at once.
 */
export interface LockedRows<S extends Step> {
  /**
   * Gives back what these orders took, as the database has it now (their rows say COMPLETED; `enter` may have been too
   * early to see it). Before the first command is judged: what they free is there for it.
   */
  undo(tx: Executor, restores: readonly Restore<S>[]): Promise<void>;
  /** Decides, and takes what the order needs if it may have it. */
  judge(command: StepCommand<S>): StepVerdict;
  /** Writes the effects of all that was undone and taken. */
  write(tx: Executor): Promise<void>;
}

/** What one step does; how outcomes are kept and answered is settle.ts's. */
export interface StepWork<S extends Step> {
  readonly step: S;
  /** Locks the rows that the requests are about, in an order that all batches share, and reads them. */
  enter(tx: Executor, commands: readonly StepCommand<S>[], restores: readonly Restore<S>[]): Promise<LockedRows<S>>;
  /**
   * For a step whose truth may still be on its way to PostgreSQL: which of the waiting commands are refused after all.
   * The others are parked.
   */
  lookElsewhere?(waiting: readonly StepCommand<S>[]): Promise<ReadonlyMap<OrderId, ResultCode>>;
}

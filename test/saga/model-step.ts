import type { SagaInput } from "../../consumers/saga/inputs.ts";
import type { Step, StepOutcome } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { completed, failed, restored } from "./orders.ts";

/** What a step does in the books (1) and undoes (−1). */
export type Effect = (direction: 1 | -1) => void;

/**
 * A step as design 4.3 wants it: one row decides, once and for all. A command finds the row or writes it; a restore that
 * comes first leaves TOMBSTONE; later messages are answered by the row, Restored before Completed.
 */
export class ModelStep {
  outcome: StepOutcome | undefined;
  returned = false;

  constructor(
    readonly step: Step,
    readonly refuses: ResultCode | undefined,
    private readonly effect: Effect,
  ) {}

  /** Whether the effect stands in the books. */
  get stands(): boolean {
    return this.outcome === "COMPLETED" && !this.returned;
  }

  command(): SagaInput {
    if (this.outcome === undefined) {
      this.outcome = this.refuses === undefined ? "COMPLETED" : "FAILED";
      if (this.outcome === "COMPLETED") this.effect(1);
    }
    if (this.outcome === "FAILED") return failed(this.step, this.refuses!);
    if (this.outcome === "TOMBSTONE" || this.returned) return restored(this.step, !this.returned);
    return completed(this.step);
  }

  restore(): SagaInput {
    if (this.stands) {
      this.returned = true;
      this.effect(-1);
    }
    this.outcome ??= "TOMBSTONE";
    return restored(this.step, this.outcome === "TOMBSTONE");
  }
}

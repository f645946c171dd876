import type { SagaInput } from "../../consumers/order-saga/inputs.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import { STEP_EVENT_TYPES, type Step, type StepOutcome } from "../../contracts/steps.ts";
import { result } from "./orders.ts";

/** What a step does in the books (1) and undoes (−1). */
export type Effect = (direction: 1 | -1) => void;

/**
 * A step as design 4.3 wants it: one row decides, once and for all. A command finds the row or writes it; a restore that
 * comes first leaves TOMBSTONE; whoever comes later hears what the row says, Restored before Completed.
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
    const { completed, failed, restored } = STEP_EVENT_TYPES[this.step];
    if (this.outcome === "FAILED") return result(this.step, failed, 1, this.refuses);
    if (this.outcome === "TOMBSTONE") return result(this.step, restored, 1);
    return this.returned ? result(this.step, restored, 2) : result(this.step, completed, 1);
  }

  restore(): SagaInput {
    if (this.stands) {
      this.returned = true;
      this.effect(-1);
    }
    this.outcome ??= "TOMBSTONE";
    return result(this.step, STEP_EVENT_TYPES[this.step].restored, this.outcome === "TOMBSTONE" ? 1 : 2);
  }
}

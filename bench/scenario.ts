import type { Budget, Figures } from "./figures.ts";
import type { Target } from "./target.ts";

/** One run of one variant. */
export interface ScenarioRun {
  readonly figures: Figures;
  /** What was not as promised; the figures of such a run count for nothing. */
  readonly wrong: readonly string[];
  /** The sale it used, for the checker; null: it looks at everything. */
  readonly couponId: string | null;
}

export interface Variant {
  readonly name: string;
  readonly budgets: readonly Budget[];
  run(target: Target): Promise<ScenarioRun>;
}

export interface Scenario {
  readonly name: string;
  /** The first one gives the result's `median`. */
  readonly variants: readonly Variant[];
  /** The variants are the same work done in several ways: the result's `median` has each under its name as well. */
  readonly sideBySide?: true;
}

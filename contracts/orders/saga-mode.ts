import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "../wire/date-time.ts";

/** How new orders request their steps; an operator can switch it while orders run. ROLLOUT: parallel for a percentage of
 * the users, sequential for the others. */
export const SAGA_MODES = ["PARALLEL", "SEQUENTIAL", "ADAPTIVE", "ROLLOUT"] as const;
export type SagaMode = (typeof SAGA_MODES)[number];

export interface ModeSetting {
  readonly mode: SagaMode;
  /** For ROLLOUT: 0 to 100. */
  readonly parallelPercent: number;
}

/** An operator's text: a word, or the percentage of users whose orders are parallel. */
export const SagaChoice = Type.Union(
  [
    Type.Literal("parallel"),
    Type.Literal("sequential"),
    Type.Literal("adaptive"),
    Type.Integer({ minimum: 0, maximum: 100 }),
  ],
  {
    description:
      "`parallel`, `sequential`, `adaptive` (parallel for simple orders), or the per cent of users (0 to 100) whose orders are parallel",
  },
);
export type SagaChoice = Static<typeof SagaChoice>;

/** Body of PUT /admin/saga. */
export const SagaChange = Type.Object({ mode: SagaChoice }, { $id: "SagaChange", additionalProperties: false });
export type SagaChange = Static<typeof SagaChange>;

export const SagaView = Type.Object(
  {
    mode: SagaChoice,
    from: Type.Union([Type.Literal("environment"), Type.Literal("operator")], {
      description: "`environment`: ORDER_MODE; `operator`: an operator's switch, which outlives restarts",
    }),
    changedBy: Type.Optional(Type.String()),
    changedAt: Type.Optional(Timestamp),
  },
  { $id: "Saga" },
);
export type SagaView = Static<typeof SagaView>;

/** The row of `settings` that holds an operator's choice. */
export const SAGA_SETTING = "saga";

/** Used until an operator chooses. Gateways show it and consumers follow it, so configure the same value for both. */
export const SagaEnvironment = {
  ORDER_MODE: Type.Union(
    (["parallel", "sequential", "adaptive", "rollout"] as const).map((mode) => Type.Literal(mode)),
    {
      default: "parallel",
      description:
        "How the steps of new orders are requested, until an operator chooses: parallel, sequential, adaptive, rollout",
    },
  ),
  ORDER_PARALLEL_PERCENT: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 100,
    description: "Of `rollout`: per cent of the users whose orders are parallel",
  }),
};

interface ModeVariables {
  readonly ORDER_MODE: "parallel" | "sequential" | "adaptive" | "rollout";
  readonly ORDER_PARALLEL_PERCENT: number;
}

/** The setting that the environment configures. */
export const chosenBy = (env: ModeVariables): SagaChoice =>
  env.ORDER_MODE === "rollout" ? env.ORDER_PARALLEL_PERCENT : env.ORDER_MODE;

/** Parses an operator's text: `parallel`, `sequential`, `adaptive`, `0` … `100`; null for every other text. */
export function parseSagaChoice(text: string): SagaChoice | null {
  if (text === "parallel" || text === "sequential" || text === "adaptive") return text;
  return /^(100|[1-9]?[0-9])$/.test(text) ? Number(text) : null;
}

export function modeSettingOf(choice: SagaChoice): ModeSetting {
  if (typeof choice === "number") return { mode: "ROLLOUT", parallelPercent: choice };
  return { mode: choice.toUpperCase() as SagaMode, parallelPercent: 100 };
}

/** The effective mode and its source. @param setting null: no operator has ever chosen */
export function sagaView(
  setting: { readonly value: unknown; readonly changedBy: string; readonly changedAt: Date } | null,
  otherwise: SagaChoice,
): SagaView {
  const mode = setting === null ? null : parseSagaChoice(String(setting.value));
  if (setting === null || mode === null) return { mode: otherwise, from: "environment" };
  return { mode, from: "operator", changedBy: setting.changedBy, changedAt: setting.changedAt.toISOString() };
}

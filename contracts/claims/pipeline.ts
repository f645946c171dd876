import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "../wire/date-time.ts";

/**
 * The two ways of a granted claim to PostgreSQL. `kafka`: through the log, with the ledger as a backup. `redis`: through
 * the sale's ledger alone, which the relay reads at once.
 */
export const PIPELINES = ["kafka", "redis"] as const;
export type Pipeline = (typeof PIPELINES)[number];

/** All claims through Kafka, all through Redis, or a percentage of the users through Redis. */
export const PipelineChoice = Type.Union(
  [Type.Literal("kafka"), Type.Literal("redis"), Type.Integer({ minimum: 0, maximum: 100 })],
  {
    description:
      "`kafka`, `redis`, or the per cent of users (a whole number from 0 to 100) that go through Redis alone",
  },
);
export type PipelineChoice = Static<typeof PipelineChoice>;

/** Body of PUT /admin/pipeline. */
export const PipelineChange = Type.Object(
  { pipeline: PipelineChoice },
  { $id: "PipelineChange", additionalProperties: false },
);
export type PipelineChange = Static<typeof PipelineChange>;

export const PipelineView = Type.Object(
  {
    pipeline: PipelineChoice,
    redisPercent: Type.Integer({ minimum: 0, maximum: 100, description: "Share of users whose claims skip Kafka" }),
    from: Type.Union([Type.Literal("environment"), Type.Literal("operator")], {
      description: "`environment`: ISSUE_PIPELINE; `operator`: an operator's switch, which outlives restarts",
    }),
    changedBy: Type.Optional(Type.String()),
    changedAt: Type.Optional(Timestamp),
  },
  { $id: "Pipeline" },
);
export type PipelineView = Static<typeof PipelineView>;

/** The texts that `parsePipeline` accepts, as a pattern for a schema. */
export const PIPELINE_TEXT = "^(kafka|redis|100|[1-9]?[0-9])$";

/** Parses an operator's text: `kafka`, `redis`, `0` … `100`; null for every other text. */
export function parsePipeline(text: string): PipelineChoice | null {
  if (!new RegExp(PIPELINE_TEXT).test(text)) return null;
  return text === "kafka" || text === "redis" ? text : Number(text);
}

/** The percentage of users whose claims go through Redis alone. */
export function redisPercent(choice: PipelineChoice): number {
  return choice === "kafka" ? 0 : choice === "redis" ? 100 : choice;
}

/** The word for a percentage: `kafka` for 0, `redis` for 100. */
export function choiceOf(percent: number): PipelineChoice {
  return percent === 0 ? "kafka" : percent === 100 ? "redis" : percent;
}

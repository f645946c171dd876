import { PipelineChange, type PipelineChoice, PipelineView, redisPercent } from "../../contracts/claims/pipeline.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

export interface PipelineControl {
  /** The installation's pipeline, as this gateway knows it now. @throws StampedeError DATABASE_UNAVAILABLE */
  read(): Promise<PipelineView>;
  /** Stores the choice with its audit line, and tells all gateways. @throws StampedeError DATABASE_UNAVAILABLE */
  change(pipeline: PipelineChoice, actor: string): Promise<PipelineView>;
  /** This gateway answers only with Kafka's acknowledgement. */
  readonly requireKafka: boolean;
}

const PIPELINE = {
  path: "/admin/pipeline",
  tag: "admin",
  audience: "operator",
  cache: "no-store",
  audit: true,
  answers: { 200: PipelineView },
} as const;

/** GET and PUT /admin/pipeline. A change holds for new claims; claims under way end in the pipeline in which they began. */
export const pipelineEndpoints = (control: PipelineControl): Endpoint[] => [
  endpoint({
    ...PIPELINE,
    method: "GET",
    operationId: "getPipeline",
    summary: "Whether claims go through Kafka or through Redis alone",
    caller: "viewer",
    cost: "read",
    body: "none",
    idempotency: "none",
    refusals: ["DATABASE_UNAVAILABLE"],
    handle: async () => json(200, await control.read()),
  }),
  endpoint({
    ...PIPELINE,
    method: "PUT",
    operationId: "switchPipeline",
    summary: "Send claims through Kafka, through Redis alone, or a percentage of the users through Redis",
    caller: "admin",
    cost: "write",
    body: PipelineChange,
    idempotency: "natural",
    refusals: ["KAFKA_REQUIRED", "DATABASE_UNAVAILABLE"],
    async handle({ caller, body: { pipeline } }) {
      if (control.requireKafka && redisPercent(pipeline) > 0) {
        throw new StampedeError(
          "KAFKA_REQUIRED",
          "CLAIM_REQUIRE_KAFKA=true promises Kafka's acknowledgement for every claim; start the gateways without it first",
        );
      }
      return json(200, await control.change(pipeline, caller.userId));
    },
  }),
];

import {
  PipelineChange,
  type PipelineChoice,
  type PipelineView,
  redisPercent,
} from "../../contracts/claims/pipeline.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

export interface PipelineControl {
  /** The installation's pipeline, as this gateway knows it now. @throws StampedeError DATABASE_UNAVAILABLE */
  read(): Promise<PipelineView>;
  /** Stores the choice with its audit line, and tells all gateways. @throws StampedeError DATABASE_UNAVAILABLE */
  change(pipeline: PipelineChoice, actor: string): Promise<PipelineView>;
  /** This gateway answers only with Kafka's acknowledgement. */
  readonly requireKafka: boolean;
}

/** GET /admin/pipeline */
export function showPipelineRoute(control: PipelineControl, authenticate: Authenticate): Handler {
  return async (request) => {
    identifyOperator(request, authenticate);
    return json(200, await control.read());
  };
}

/** PUT /admin/pipeline: for new claims; claims under way end in the pipeline in which they began. Idempotent. */
export function switchPipelineRoute(control: PipelineControl, authenticate: Authenticate): Handler {
  const read = jsonBody(PipelineChange);
  return async (request) => {
    const { userId } = identifyOperator(request, authenticate);
    const { pipeline } = await read(request);
    if (control.requireKafka && redisPercent(pipeline) > 0) {
      throw new StampedeError(
        "KAFKA_REQUIRED",
        "CLAIM_REQUIRE_KAFKA=true promises Kafka's acknowledgement for every claim; start the gateways without it first",
      );
    }
    return json(200, await control.change(pipeline, userId));
  };
}

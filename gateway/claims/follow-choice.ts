import { findSetting } from "../../db/settings/settings.ts";
import { PIPELINE_CHANNEL } from "../../lua/keys.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import { followPipeline, type PipelineSwitch } from "./pipeline-switch.ts";

/** The name under which PostgreSQL keeps the operators' choice. */
export const PIPELINE_SETTING = "pipeline";

/** Follows the operators' choice of the pipeline on PostgreSQL and Redis. */
export function followChosenPipeline(connections: GatewayConnections, config: GatewayConfig): PipelineSwitch {
  const { sql, subscriber, guarded, log, onError } = connections;
  return followPipeline(
    {
      read: () => guarded(() => findSetting(sql, PIPELINE_SETTING)),
      subscribe(hear) {
        subscriber.on("message", (channel: string) => {
          if (channel === PIPELINE_CHANNEL) hear();
        });
        subscriber.subscribe(PIPELINE_CHANNEL).catch(onError);
      },
    },
    {
      start: config.pipeline,
      requireKafka: config.CLAIM_REQUIRE_KAFKA,
      onChange: (view) => log.warn({ ...view, kafkaRequired: config.CLAIM_REQUIRE_KAFKA }, "the pipeline was chosen"),
      onError,
    },
  );
}

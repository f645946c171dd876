import { sharedLook } from "../../contracts/async/shared-look.ts";
import {
  choiceOf,
  type Pipeline,
  type PipelineChoice,
  type PipelineView,
  parsePipeline,
  redisPercent,
} from "../../contracts/claims/pipeline.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { percentileOf } from "../../contracts/wire/percentile.ts";

/** An operator's choice as it is stored. */
export interface StoredPipeline {
  readonly value: unknown;
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: Date;
}

export interface PipelineSources {
  /** null: no operator has ever chosen. */
  readonly read: () => Promise<StoredPipeline | null>;
  /** Calls back when a message says that the choice changed; messages may be missed. */
  readonly subscribe: (hear: () => void) => void;
}

export interface PipelineSwitch {
  /** The pipeline of a user's next claim. */
  of(userId: UserId): Pipeline;
  /** The percentage of users that this gateway sends through Redis alone. */
  percent(): number;
  view(): PipelineView;
  /** Reads the stored choice and follows it. @throws the error of reading */
  look(): Promise<void>;
  stop(): void;
}

export interface PipelineOptions {
  /** ISSUE_PIPELINE: used until an operator chooses. */
  readonly start: PipelineChoice;
  /** CLAIM_REQUIRE_KAFKA: this gateway uses Kafka whatever is stored. */
  readonly requireKafka: boolean;
  readonly onChange: (view: PipelineView) => void;
  readonly onError: (error: unknown) => void;
}

/** The pipeline of a user's claims. A larger percentage moves users to Redis and none back. */
export function pipelineOf(userId: UserId, redisPercent: number): Pipeline {
  if (redisPercent === 0) return "kafka";
  if (redisPercent === 100) return "redis";
  return percentileOf(userId) < redisPercent ? "redis" : "kafka";
}

/** How often the choice is read, because a message may be missed. */
const LOOK_MS = 500;

/** Follows the operators' choice: at once on a message, and by reading twice a second. If it cannot be read, the last known choice stays. */
export function followPipeline(sources: PipelineSources, options: PipelineOptions): PipelineSwitch {
  const { start, requireKafka, onChange, onError } = options;
  let stored: StoredPipeline | undefined;
  let percent = redisPercent(start);

  const view = (): PipelineView => ({
    pipeline: choiceOf(percent),
    redisPercent: percent,
    ...(stored === undefined
      ? { from: "environment" }
      : { from: "operator", changedBy: stored.changedBy, changedAt: stored.changedAt.toISOString() }),
  });

  function take(found: StoredPipeline | null): void {
    if (found === null || found.version <= (stored?.version ?? 0)) return;
    const choice = parsePipeline(String(found.value));
    if (choice === null) throw new Error(`the stored pipeline is not valid: ${JSON.stringify(found.value)}`);
    stored = found;
    percent = redisPercent(choice);
    onChange(view());
  }

  const look = sharedLook(async () => take(await sources.read()));
  sources.subscribe(() => void look().catch(onError));
  let isLooking = false;
  const timer = setInterval(async () => {
    if (isLooking) return; // so that a slow lookup that fails is logged once, not once each half second
    isLooking = true;
    await look().catch(onError);
    isLooking = false;
  }, LOOK_MS);
  return {
    of: (userId) => (requireKafka ? "kafka" : pipelineOf(userId, percent)),
    percent: () => (requireKafka ? 0 : percent),
    view,
    look,
    stop: () => clearInterval(timer),
  };
}

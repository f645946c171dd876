import type { RoleName } from "../role-names.ts";
import { within } from "./pause.ts";

/** A role at work. */
export interface RunningRole {
  readonly name: RoleName;
  /** Records taken from the log whose effects are not safe yet. */
  readonly inHand: () => number;
  stop(graceMs: number): Promise<void>;
}

/** Work of a role beside its consumer: calls to the payment provider, for one. */
export interface BackgroundWork {
  /** Pieces of work under way. */
  busy(): number;
  stop(): Promise<unknown>;
}

/** A role that consumes topics and has background work. It stops consuming first; then the work may finish. */
export function withBackgroundWork(consuming: RunningRole, work: BackgroundWork): RunningRole {
  return {
    name: consuming.name,
    inHand: () => consuming.inHand() + work.busy(),
    async stop(graceMs) {
      await consuming.stop(graceMs);
      await within(graceMs, work.stop());
    },
  };
}

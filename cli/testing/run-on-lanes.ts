import { type Batch, nameOf } from "./batches.ts";
import { type Counts, sum } from "./junit.ts";
import { FILES_A_STACK, type Lane } from "./lanes.ts";
import type { Outcome } from "./run-checked.ts";
import { type FileRun, runFiles } from "./run-files.ts";
import type { FileTier } from "./tiers.ts";

export interface LanesRun extends Omit<FileRun, "env"> {
  readonly lanes: readonly [Lane, ...Lane[]];
  /** Called once for each tier, when its last file has ended. `seconds`: since the first one began. */
  readonly ended?: (tier: FileTier, counts: Counts, files: number, seconds: number) => void;
}

/** What is known of a tier while its files run. */
interface TierState {
  readonly counts: Counts[];
  files: number;
  /** Batches that have not ended. */
  left: number;
  begun: number;
}

/** Runs batches side by side on the lanes. One that was only disturbed there is run again, alone, after all others. */
export async function runOnLanes(batches: readonly Batch[], options: LanesRun): Promise<Counts> {
  const { lanes, signal } = options;
  const states = statesOf(batches);
  const disturbed: Batch[] = [];
  const waiting = [...batches];
  let broken = false;
  const end = (batch: Batch, { counts }: Outcome) => {
    const state = states.get(batch.tier)!;
    state.counts.push(counts);
    if (--state.left > 0) return;
    options.ended?.(batch.tier, sum(state.counts), state.files, (performance.now() - state.begun) / 1000);
  };
  const work = async (lane: Lane) => {
    await lane.ready();
    while (!signal.aborted && !broken) {
      const batch = lane.take(waiting);
      if (batch === undefined) return;
      await lane.prepared(batch);
      states.get(batch.tier)!.begun ||= performance.now();
      const outcome = await runFiles(nameOf(batch), batch.tier, batch.files, { ...options, env: lane.env });
      if (outcome.disturbed && lanes.length > 1) disturbed.push(batch);
      else end(batch, outcome);
    }
  };
  const stopOthers = (error: unknown) => {
    broken = true;
    throw error;
  };
  const wanted = lanes.slice(0, Math.ceil(batches.length / FILES_A_STACK));
  const ends = await Promise.allSettled(wanted.map((lane) => work(lane).catch(stopOthers)));
  for (const one of ends) if (one.status === "rejected") throw one.reason;
  for (const batch of disturbed) {
    if (signal.aborted) break;
    await lanes[0].prepared(batch);
    const outcome = await runFiles(nameOf(batch), batch.tier, batch.files, { ...options, env: lanes[0].env });
    const how = outcome.counts.failed > 0 ? "failed" : "passed";
    console.log(`again: ${nameOf(batch)} was disturbed beside others, and ${how} alone`);
    end(batch, outcome);
  }
  return sum([...states.values()].flatMap(({ counts }) => counts));
}

function statesOf(batches: readonly Batch[]): Map<FileTier, TierState> {
  const states = new Map<FileTier, TierState>();
  for (const { tier, files } of batches) {
    const state = states.get(tier) ?? { counts: [], files: 0, left: 0, begun: 0 };
    state.files += files.length;
    state.left++;
    states.set(tier, state);
  }
  return states;
}

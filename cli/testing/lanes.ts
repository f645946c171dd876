import { prepareNode } from "../../stack/node-runtime.ts";
import { BASE_SERVICES } from "../../stack/service.ts";
import type { Stack } from "../../stack/stack.ts";
import { NEEDS_POOLER, preparePooler } from "./pooler.ts";
import { NEEDS_NODE } from "./tiers.ts";

export type Stacks = readonly [Stack, ...Stack[]];

/** Where a file of tests may run: on a stack that no other file uses at the same time. */
export interface Lane {
  readonly env: Readonly<Record<string, string>>;
  /** Resolves when its stack is up. The first file that runs on it waits for it. */
  ready(): Promise<void>;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  /** Takes the file to run next out of `waiting`. */
  take(waiting: string[]): string | undefined;
  /** Resolves when what the file needs besides a stack is there. @throws CliError if it can't be made */
  prepared(file: string): Promise<void>;
}

export interface LaneOptions {
  /** Take a stack that runs as it is. */
  readonly keep: boolean;
  /** Whether any of the run's files needs Node. */
  readonly needsNode: boolean;
  readonly signal: AbortSignal;
  /** @param lane from 1 */
  environmentOf(stack: Stack, lane: number): Readonly<Record<string, string>>;
}

/**
 * Lanes on several stacks. The first one starts at once. Node's addon, which takes minutes to compile the first time,
 * is made meanwhile, and only then does the second lane begin, with the files that waited for it.
 */
export function createLanes(stacks: Stacks, { keep, needsNode, signal, environmentOf }: LaneOptions): Lanes {
  let nodeIsReady = !needsNode;
  const [first] = stacks;
  const up = async (stack: Stack) => {
    if (!keep || stack.pids("redis").length === 0) await stack.down(undefined, { wipe: true });
    await stack.up(BASE_SERVICES, { signal });
  };
  const firstUp = once(() => up(first));
  const node = once(async () => {
    await firstUp();
    if (needsNode) await prepareNode(first.context);
    nodeIsReady = true;
  });
  const laneOn = (stack: Stack, index: number): Lane => {
    const ready = once(async () => {
      if (stack === first) {
        await firstUp();
        node().catch(() => {}); // whoever needs it is told
        return;
      }
      await node();
      await up(stack);
    });
    return { env: environmentOf(stack, index + 1), ready };
  };
  const pooler = once(() => preparePooler(first.context));
  return {
    lanes: stacks.map(laneOn),
    take(waiting) {
      const next = waiting.findIndex((file) => NEEDS_NODE.test(file) === nodeIsReady);
      return waiting.splice(Math.max(next, 0), 1)[0];
    },
    prepared: async (file) => {
      if (NEEDS_NODE.test(file)) await node();
      if (NEEDS_POOLER.test(file)) await pooler();
    },
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}

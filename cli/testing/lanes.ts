import { prepareNode } from "../../stack/node-runtime.ts";
import { BASE_SERVICES } from "../../stack/service-names.ts";
import type { Stack } from "../../stack/stack.ts";
import type { Batch } from "./batches.ts";
import { NEEDS_POOLER, preparePooler } from "./pooler.ts";
import { BRINGS_SERVICES, NEEDS_NODE } from "./tiers.ts";

export type Stacks = readonly [Stack, ...Stack[]];

/** Where files of tests run one after another, on a stack that no other file uses at the same time. */
export interface Lane {
  readonly env: Readonly<Record<string, string>>;
  /** Takes the files to run next out of `waiting`; undefined: nothing is left for this lane. */
  take(waiting: Batch[]): Batch | undefined;
  /** Resolves when the lane may run a first file. */
  ready(): Promise<void>;
  /** Resolves when everything that the files need is there. @throws CliError if it can't be made */
  prepared(batch: Batch): Promise<void>;
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

/** Fewer files are not worth the start of another stack. */
export const FILES_A_STACK = 4;

const bringsServices = ({ files }: Batch) => files.every((file) => BRINGS_SERVICES.test(file));
const needsNode = ({ files }: Batch) => files.some((file) => NEEDS_NODE.test(file));
const needsPooler = ({ files }: Batch) => files.some((file) => NEEDS_POOLER.test(file));

/** The place of the batch to run next, or -1. Batches lie in the order in which they should begin. */
export function nextOf(waiting: readonly Batch[], { onOwnServices, nodeIsReady }: NextOptions): number {
  const isPreferred = (batch: Batch) => bringsServices(batch) === onOwnServices;
  const begins = (batch: Batch) => nodeIsReady || !needsNode(batch);
  for (const suits of [(batch: Batch) => isPreferred(batch) && begins(batch), begins, () => true]) {
    const place = waiting.findIndex(suits);
    if (place >= 0) return place;
  }
  return -1;
}

interface NextOptions {
  /** Whether the lane prefers files that bring their own services. */
  readonly onOwnServices: boolean;
  readonly nodeIsReady: boolean;
}

/**
 * One lane on each stack. The first stack starts at once. Node's addon, which takes minutes to compile the first time,
 * is made meanwhile, and only then do the other lanes begin. The last one of several takes the files that bring their
 * own services; its stack starts when none of those is left.
 */
export function createLanes(stacks: Stacks, options: LaneOptions): readonly [Lane, ...Lane[]] {
  const [first] = stacks;
  const { keep, signal, environmentOf } = options;
  let nodeIsReady = !options.needsNode;
  const up = async (stack: Stack) => {
    if (!keep || stack.pids("redis").length === 0) await stack.down(undefined, { wipe: true });
    await stack.up(BASE_SERVICES, { signal });
  };
  const firstUp = once(() => up(first));
  const node = once(async () => {
    await firstUp();
    if (options.needsNode) await prepareNode(first.context);
    nodeIsReady = true;
  });
  const pooler = once(() => preparePooler(first.context));
  const laneOn = (stack: Stack, index: number): Lane => {
    const onOwnServices = index > 0 && index === stacks.length - 1;
    const stackUp = stack === first ? firstUp : once(() => up(stack));
    let ran = false;
    return {
      env: environmentOf(stack, index + 1),
      async ready() {
        if (stack !== first) return node();
        await firstUp();
        node().catch(() => {}); // the files that need it are told
      },
      take(waiting) {
        const place = nextOf(waiting, { onOwnServices, nodeIsReady });
        if (place < 0) return undefined;
        const wantsStack = !ran && stack !== first && !bringsServices(waiting[place]!);
        if (wantsStack && waiting.length < FILES_A_STACK) return undefined;
        return waiting.splice(place, 1)[0];
      },
      async prepared(batch) {
        if (!bringsServices(batch)) {
          ran = true;
          await stackUp();
        }
        if (needsNode(batch)) await node();
        if (needsPooler(batch)) await pooler();
      },
    };
  };
  const [lane, ...others] = stacks.map(laneOn);
  return [lane!, ...others];
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}

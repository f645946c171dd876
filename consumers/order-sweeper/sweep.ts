import type { StampedeEvent } from "../../contracts/claims/events.ts";
import { CARRIERS, recordOf } from "../../contracts/event-topics.ts";
import { deadlinePassed } from "../../contracts/orders/messages.ts";
import { outstandingSteps, readSagaState, type SagaState, type StepState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, STEP_GROUPS, type Step } from "../../contracts/orders/steps.ts";
import type { Topic } from "../../contracts/topics.ts";
import type { DueSaga, Postponed } from "../../db/orders/due.ts";
import type { PartitionLag, Producer } from "../../kafka/kafka.ts";
import { ConsumedUntil } from "./consumed-until.ts";

export interface SweepDeps {
  /** Due orders, at most `limit`. */
  readonly due: (limit: number) => Promise<readonly DueSaga[]>;
  readonly parked: (
    orderIds: readonly string[],
  ) => Promise<readonly { readonly orderId: string; readonly step: string }[]>;
  readonly postpone: (sagas: readonly Postponed[]) => Promise<void>;
  readonly lags: (group: string, topic: Topic) => Promise<readonly PartitionLag[]>;
  readonly producer: Pick<Producer, "sendAll">;
  readonly observe: {
    readonly swept: (orders: number) => void;
    /** Orders whose state can't be read here: a newer release wrote it. They are looked at again later. */
    readonly unreadable: (orderIds: readonly string[], why: unknown) => void;
  };
  /** How long an order waits for its first look, milliseconds; twice as long after every DeadlinePassed. */
  readonly sweepMs: number;
}

/** Orders looked at in one go. */
export const AT_ONCE = 500;
/** A compensation is asked for again for ever, but not more often than this. */
const MAX_PAUSE_MS = 600_000;

/** What sweeps have learnt about groups; kept between them. */
export type GroupProgress = Map<string, ConsumedUntil>;

/**
 * Publishes `DeadlinePassed` for due orders. First the log, then the new due times: after a crash in between, the same event
 * is published again under the same event id. A second sweeper does the same.
 * @returns how many orders were looked at
 */
export async function sweep(deps: SweepDeps, progress: GroupProgress, now: number): Promise<number> {
  const found = await deps.due(AT_ONCE);
  if (found.length === 0) return 0;
  const { due, unreadable } = readStates(deps, found);
  const [parked, consumed] = await Promise.all([
    deps.parked(due.map(({ orderId }) => orderId)),
    consumedUntil(deps, progress, due, now),
  ]);
  const isParked = new Set(parked.map(({ orderId, step }) => `${orderId} ${step}`));
  const events: StampedeEvent[] = [];
  const postponed: Postponed[] = unreadable.map(({ orderId, attempts }) => {
    const dueAt = new Date(now + pauseAfter(deps, attempts)).toISOString();
    return { orderId, attempts, spoken: false, dueAt };
  });
  for (const { orderId, state, attempts, settleBy } of due) {
    const late = (step: Step) => {
      const sent = state.steps[step];
      return !isParked.has(`${orderId} ${step}`) && sent.sent!.at < (consumed.get(topicOf(step, sent)) ?? 0);
    };
    const resend = outstandingSteps(state).filter(late);
    const settleAt = settleBy?.getTime() ?? 0;
    const giveUp = (state.status === "PROCESSING" || state.status === "CANCELLING") && now >= settleAt;
    const spoken = giveUp || resend.length > 0;
    if (spoken) {
      const { order } = state;
      events.push(
        deadlinePassed({ orderId: order!.orderId, userId: order!.userId, resend, giveUp }, attempts + 1, now),
      );
    }
    const next = now + pauseAfter(deps, attempts + Number(spoken));
    const dueAt = new Date(now < settleAt ? Math.min(next, settleAt) : next).toISOString();
    postponed.push({ orderId, attempts, spoken, dueAt });
  }
  if (events.length > 0) await deps.producer.sendAll(events.map(recordOf));
  await deps.postpone(postponed);
  deps.observe.swept(events.length);
  return found.length;
}

const pauseAfter = ({ sweepMs }: SweepDeps, attempts: number): number =>
  Math.min(MAX_PAUSE_MS, sweepMs * 2 ** Math.min(20, attempts));

/** The sagas' states. One that can't be read holds up no other. */
function readStates({ observe }: SweepDeps, found: readonly DueSaga[]) {
  const due: (DueSaga & { readonly state: SagaState })[] = [];
  const unreadable: DueSaga[] = [];
  let why: unknown;
  for (const row of found) {
    try {
      due.push({ ...row, state: readSagaState(row.state) });
    } catch (error) {
      unreadable.push(row);
      why = error;
    }
  }
  const orderIds = unreadable.map(({ orderId }) => orderId);
  if (unreadable.length > 0) observe.unreadable(orderIds, why);
  return { due, unreadable };
}

/** The topic that a step's outstanding request was sent to. */
function topicOf(step: Step, { status }: StepState): Topic {
  const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
  return CARRIERS[status === "RESTORING" ? restoreRequested : requested].topic;
}

/** Of the topics that these orders wait for. */
async function consumedUntil(
  deps: SweepDeps,
  progress: GroupProgress,
  due: readonly { readonly state: SagaState }[],
  now: number,
): Promise<ReadonlyMap<Topic, number>> {
  const awaited = new Map<Topic, string>();
  for (const { state } of due)
    for (const step of outstandingSteps(state)) awaited.set(topicOf(step, state.steps[step]), STEP_GROUPS[step]);
  const looked = [...awaited].map(async ([topic, group]): Promise<[Topic, number]> => {
    const until = progress.get(topic) ?? new ConsumedUntil();
    progress.set(topic, until);
    return [topic, until.look(await deps.lags(group, topic), now)];
  });
  return new Map(await Promise.all(looked));
}

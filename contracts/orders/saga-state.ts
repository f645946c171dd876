import { StampedeError } from "../wire/errors.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import type { OrderCreated } from "./events.ts";
import type { ProductId } from "./ids.ts";
import { type OrderStatus, STEPS, type Step, type StepStatus } from "./steps.ts";

/** How an order's steps are requested; it keeps the one it began in. */
export const STEP_ORDERS = ["PARALLEL", "SEQUENTIAL"] as const;
export type StepOrder = (typeof STEP_ORDERS)[number];

/**
 * A message that the saga sent, or will send when its cause is delivered again. The same message, byte for byte, can be made
 * from it again.
 */
export interface Sent {
  /** Event id of its cause: the saga publishes the message when it handles that event, new or repeated. */
  readonly by: string;
  /** When it was decided, milliseconds since 1970. */
  readonly at: number;
  /** The first sequence number that it takes in the order's stream. */
  readonly sequence: number;
}

export interface StepState {
  readonly status: StepStatus;
  /** The command (REQUESTED) or restore (RESTORING) that is not answered yet; absent in every other status. */
  readonly sent?: Sent;
  // Milliseconds since 1970, by the saga's clock.
  readonly requestedAt?: number;
  readonly completedAt?: number;
  readonly restoredAt?: number;
  /** Why it failed or was given up. */
  readonly reason?: ResultCode;
}

export interface Failure {
  readonly reason: ResultCode;
  /** With INSUFFICIENT_STOCK and PRODUCT_NOT_FOUND. */
  readonly productId?: ProductId;
}

/** The order as it was placed. Commands and views are made from it. */
export type PlacedOrder = Omit<OrderCreated["data"], "idempotencyKey"> & {
  /** Milliseconds since 1970, by the gateway's clock. */
  readonly createdAt: number;
};

/**
 * What `order_sagas.state` holds, as JSON: about 1 kB for an order of two lines. consumers/saga alone writes it;
 * GET /orders and the verifier read it.
 */
export interface SagaState {
  readonly version: 1;
  readonly status: OrderStatus;
  readonly stepOrder: StepOrder;
  /** null: so far the saga has read only a cancellation request. */
  readonly order: PlacedOrder | null;
  readonly steps: Readonly<Record<Step, StepState>>;
  /** The last sequence number used in the order's stream. OrderCreated is 1. */
  readonly sequence: number;
  /** Why it is or will be cancelled. */
  readonly failure?: Failure;
  /** CompensationRequired and, if something is restored, OrderStatusChanged. */
  readonly compensation?: Sent & { readonly steps: readonly Step[] };
  /** The final event and OrderStatusChanged; of a cancelled order OrderCancelled too. */
  readonly settled?: SentEnding;
}

export interface SentEnding extends Sent {
  /** How many sequence numbers it took in the order's stream. Absent: two, because an older release had no OrderCancelled. */
  readonly places?: number;
}

const PENDING: StepState = { status: "PENDING" };
const SKIPPED: StepState = { status: "SKIPPED" };

/** The steps of an order before any was requested. null: the order is not known yet. Its amounts say which are skipped. */
export function stepsOf(order: PlacedOrder | null): SagaState["steps"] {
  const needs = (needed: boolean) => (needed ? PENDING : SKIPPED);
  return {
    STOCK: PENDING,
    COUPON: needs(order?.couponId !== null),
    POINT: needs(order?.pointsUsed !== 0),
    PAYMENT: needs(order?.payableAmount !== 0),
    SHIPPING: PENDING,
  };
}

/**
 * A state as it is stored. An order does not need a step that no release had when its state was written: SKIPPED.
 * @throws StampedeError INTERNAL: a newer release wrote the state; a retry helps after this process is upgraded
 */
export function readSagaState(json: unknown): SagaState {
  const version = (json as Partial<SagaState> | null)?.version;
  if (version !== 1) throw new StampedeError("INTERNAL", `this release cannot read a saga state of version ${version}`);
  const state = json as SagaState;
  return STEPS.every((step) => step in state.steps) ? state : { ...state, steps: withAllSteps(state.steps) };
}

function withAllSteps(stored: Partial<SagaState["steps"]>): SagaState["steps"] {
  const steps = STEPS.map((step): [Step, StepState] => [step, stored[step] ?? SKIPPED]);
  return Object.fromEntries(steps) as SagaState["steps"];
}

/** Steps whose answer the order waits for. A cancelled order may still have one: "late effects" in docs/saga.md. */
export const outstandingSteps = (state: SagaState): Step[] =>
  (Object.keys(state.steps) as Step[]).filter((step) => state.steps[step].sent !== undefined);

/** Whether a step has yet to answer. A cancelled order may have a late effect that is being restored. */
export const stillOpen = (state: SagaState): boolean =>
  state.order !== null &&
  ((state.status !== "COMPLETED" && state.status !== "CANCELLED") || outstandingSteps(state).length > 0);

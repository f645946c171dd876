import { StampedeError } from "../wire/errors.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import type { OrderCreated } from "./events.ts";
import type { ProductId } from "./ids.ts";
import type { OrderStatus, Step, StepStatus } from "./steps.ts";

/** How an order's steps are requested; it keeps the one it began in. */
export const STEP_ORDERS = ["PARALLEL", "SEQUENTIAL"] as const;
export type StepOrder = (typeof STEP_ORDERS)[number];

/**
 * Something that the saga sent (or will, as soon as its cause is delivered again): with it the same message can be made
 * again to the letter.
 */
export interface Sent {
  /** Event id of its cause: handling that event, new or repeated, is what publishes it. */
  readonly by: string;
  /** When it was decided, milliseconds since 1970. */
  readonly at: number;
  /** The first of its places in the order's stream. */
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
  /** Of INSUFFICIENT_STOCK and PRODUCT_NOT_FOUND. */
  readonly productId?: ProductId;
}

/** What commands and views are made of: the order as it was placed. */
export type PlacedOrder = Omit<OrderCreated["data"], "idempotencyKey"> & {
  /** Milliseconds since 1970, by the door's clock. */
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
  /** null: only a request to cancel has been seen so far. */
  readonly order: PlacedOrder | null;
  readonly steps: Readonly<Record<Step, StepState>>;
  /** The last place taken in the order's stream. OrderCreated is 1. */
  readonly sequence: number;
  /** Why it is or will be cancelled. */
  readonly failure?: Failure;
  /** CompensationRequired and, if something is restored, OrderStatusChanged. */
  readonly compensation?: Sent & { readonly steps: readonly Step[] };
  /** The final event and OrderStatusChanged; of a cancelled order OrderCancelled too. */
  readonly settled?: SentEnding;
}

export interface SentEnding extends Sent {
  /** How many places it took in the order's stream. Absent: two; the release that wrote it knew no OrderCancelled. */
  readonly places?: number;
}

const PENDING: StepState = { status: "PENDING" };
const SKIPPED: StepState = { status: "SKIPPED" };

/** The steps of an order before any was requested; null: of one that is not known yet. Skipped ones are known from its amounts. */
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

/** @throws StampedeError INTERNAL: a newer release wrote it; retrying helps once that release runs here too */
export function readSagaState(json: unknown): SagaState {
  const version = (json as Partial<SagaState> | null)?.version;
  if (version !== 1) throw new StampedeError("INTERNAL", `a saga state of version ${version} can't be read here`);
  return json as SagaState;
}

/** Steps whose answer the order waits for. A cancelled order may still have one: see docs/saga.md, late effects. */
export const outstandingSteps = (state: SagaState): Step[] =>
  (Object.keys(state.steps) as Step[]).filter((step) => state.steps[step].sent !== undefined);

/** Somebody still owes the order an answer. A cancelled order may have a late effect that is being restored. */
export const stillOpen = (state: SagaState): boolean =>
  state.order !== null &&
  ((state.status !== "COMPLETED" && state.status !== "CANCELLED") || outstandingSteps(state).length > 0);

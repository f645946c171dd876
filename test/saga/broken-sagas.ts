import { type Handled, handle, saga } from "../../consumers/saga/saga.ts";
import type { DeadlinePassed } from "../../contracts/orders/events.ts";
import type { SagaState, StepState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, STEPS, type Step } from "../../contracts/orders/steps.ts";

// Sagas with one mistake each. The property test must notice every one of them, or it proves nothing.

type Handle = typeof handle;

const withStep = (state: SagaState, step: Step, next: StepState): SagaState => ({
  ...state,
  steps: { ...state.steps, [step]: next },
});

/** As if a step's restore were done the moment it is wanted, without a request to it. */
function forgetRestore(handled: Handled, step: Step): Handled {
  const { restoreRequested } = STEP_EVENT_TYPES[step];
  return {
    ...handled,
    state: withStep(handled.state, step, { status: "RESTORED" }),
    decisions: handled.decisions.filter((one) => !(one.type === "StepRestoring" && one.step === step)),
    outputs: handled.outputs.filter(({ type }) => type !== restoreRequested),
  };
}

/** `handle`, unless the mistake has another answer. */
const mistaken =
  (mistake: (handled: Handled, ...event: Parameters<Handle>) => Handled | undefined): Handle =>
  (...event) => {
    const handled = handle(...event);
    return mistake(handled, ...event) ?? handled;
  };

const known = (handled: Handled) => handled.decisions.length === 0;
const isCommand = (type: string) => type.endsWith("Requested");

export const BROKEN = {
  "publishes nothing for an event it knows": mistaken((handled) =>
    known(handled) ? { ...handled, outputs: [] } : undefined,
  ),

  "repeats commands, but no announcement": mistaken((handled) =>
    known(handled) ? { ...handled, outputs: handled.outputs.filter(({ type }) => isCommand(type)) } : undefined,
  ),

  "asks a silent step once only": mistaken((handled, _, input) =>
    input.type === "DeadlinePassed" && known(handled) ? { ...handled, outputs: [] } : undefined,
  ),

  "gives a silent step up without restoring it": mistaken((handled, before) => {
    const silent = STEPS.filter(
      (step) => before.steps[step].status === "REQUESTED" && handled.state.steps[step].status === "RESTORING",
    );
    return silent.length === 0 ? undefined : silent.reduce(forgetRestore, handled);
  }),

  "keeps the money of a cancelled order": mistaken((handled, before) =>
    before.steps.PAYMENT.status !== "RESTORING" && handled.state.steps.PAYMENT.status === "RESTORING"
      ? forgetRestore(handled, "PAYMENT")
      : undefined,
  ),

  "does not wait for answers when an order fails": mistaken((handled, before, input, circumstances) => {
    if (before.status !== "PROCESSING" || handled.state.status !== "CANCELLING") return undefined;
    const silent = STEPS.filter((step) => handled.state.steps[step].status === "REQUESTED");
    const impatient = silent.reduce((state, step) => withStep(state, step, { status: "FAILED" }), handled.state);
    const now = { type: "DeadlinePassed", eventId: input.eventId, data: { resend: [], giveUp: true } };
    return handle(impatient, now as unknown as DeadlinePassed, circumstances);
  }),

  "believes a late Completed after Restored": mistaken((handled, before, input) => {
    const late = STEPS.find((step) => input.type === STEP_EVENT_TYPES[step].completed);
    if (late === undefined || before.steps[late].status !== "RESTORED") return undefined;
    return { ...handled, state: withStep(handled.state, late, { status: "COMPLETED" }) };
  }),

  "begins again when an order is created twice": (state, input, circumstances) =>
    handle(input.type === "OrderCreated" ? saga.initialState() : state, input, circumstances),

  "forgets a cancel that comes before its order": mistaken((handled, before, input) =>
    input.type === "OrderCancelRequested" && before.order === null ? { ...handled, state: before } : undefined,
  ),

  "ships nothing": mistaken((handled, before, _, circumstances) => {
    if (handled.state.steps.SHIPPING.status !== "REQUESTED" || before.steps.SHIPPING.status === "REQUESTED") return;
    const cause = { by: handled.state.steps.SHIPPING.sent!.by, at: circumstances.at };
    const decisions = [{ type: "OrderSettled", status: "COMPLETED", cause }] as const;
    const state = decisions.reduce(saga.evolve, before);
    return { state, decisions, outputs: handled.outputs };
  }),

  "sends a new message where it should repeat one": mistaken((handled, _, input) => {
    if (input.type !== "DeadlinePassed" || !known(handled)) return undefined;
    return { ...handled, outputs: handled.outputs.map((output) => ({ ...output, causationId: input.eventId })) };
  }),

  "requests on after a failure": mistaken((handled, before, input, circumstances) => {
    if (handled.state.status !== "CANCELLING" || before.status !== "CANCELLING") return undefined;
    const cause = { by: input.eventId, at: circumstances.at };
    const next = STEPS.find((step) => handled.state.steps[step].status === "PENDING");
    if (next === undefined) return undefined;
    const asked = { type: "StepRequested", step: next, cause } as const;
    const state = saga.evolve(handled.state, asked);
    return { state, decisions: [...handled.decisions, asked], outputs: saga.outputsOf(state, input) };
  }),

  "takes a cancel after the payment, and forgets the money": mistaken((_, before, input, circumstances) => {
    const paid = before.status === "PROCESSING" && before.steps.PAYMENT.status === "COMPLETED";
    if (input.type !== "OrderCancelRequested" || !paid) return undefined;
    return handle(withStep(before, "PAYMENT", { status: "SKIPPED" }), input, circumstances);
  }),
} satisfies Readonly<Record<string, Handle>>;

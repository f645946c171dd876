import assert from "node:assert/strict";
import { isSagaInput, type SagaInput } from "../../consumers/saga/inputs.ts";
import { type Handled, type handle, saga } from "../../consumers/saga/saga.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { SagaMode } from "../../contracts/orders/saga-mode.ts";
import { outstandingSteps, readSagaState, type SagaState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, STEPS, type Step } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { SagaBooks } from "./books.ts";
import { clock } from "./given.ts";
import { Ledger } from "./ledger.ts";
import { ModelStep } from "./model-step.ts";
import { cancelRequested, completed, deadlinePassed, type Needs, orderCreated } from "./orders.ts";

export interface Plan {
  readonly needs: Needs;
  readonly mode: SagaMode;
  /** What a step refuses with; the others do what they are asked. */
  readonly refusals: Partial<Record<Step, ResultCode>>;
}

interface Message {
  readonly event: StampedeEvent;
  /** Its handler died before it published: Kafka will deliver it again, it can't get lost. */
  readonly again: boolean;
}

export type MessageFate = "handled" | "handled, and delivered again later" | "died between database and log";

/** One order, its five steps, what is on its way between them, and the books. Whatever may happen is a method. */
export class SagaWorld {
  #state: SagaState = saga.initialState();
  #onTheWay: Message[] = [];
  #events = 0;
  #attempts = 0;
  readonly books: SagaBooks;
  readonly ledger = new Ledger();
  readonly #steps: Readonly<Record<Step, ModelStep>>;
  readonly #down = new Set<Step>();
  /** A request to cancel was handled in time. */
  #cancelled = false;

  constructor(
    readonly plan: Plan,
    private readonly handleEvent: typeof handle,
  ) {
    const created = orderCreated(plan.needs);
    this.books = new SagaBooks(created.data);
    const step = (name: Step) => new ModelStep(name, plan.refusals[name], this.books.effectOf(name));
    this.#steps = Object.fromEntries(STEPS.map((name) => [name, step(name)])) as Record<Step, ModelStep>;
    // The order ledger repeats OrderCreated until PostgreSQL has the order.
    this.#onTheWay.push({ event: created, again: true });
  }

  get state(): SagaState {
    return this.#state;
  }

  get quiet(): boolean {
    return this.#onTheWay.length === 0;
  }

  /** Any message arrives, whichever was sent first. */
  deliver(which: number, fate: MessageFate): void {
    if (this.#onTheWay.length === 0) return;
    const [message] = this.#onTheWay.splice(which % this.#onTheWay.length, 1);
    const { event } = message!;
    const published = isSagaInput(event.type) ? this.#bySaga([event as SagaInput]) : this.#byStep(event);
    if (published === "down") return void this.#onTheWay.push(message!);
    const died = fate === "died between database and log";
    if (!died) this.#publish(published);
    if (fate !== "handled") this.#onTheWay.push({ event, again: died || message!.again });
  }

  /** Several events of one batch: one transaction, then their outputs. */
  deliverBatch(size: number, fate: MessageFate): void {
    const batch: Message[] = [];
    this.#onTheWay = this.#onTheWay.filter((message) => {
      const taken = batch.length < size && isSagaInput(message.event.type);
      if (taken) batch.push(message);
      return !taken;
    });
    const published = this.#bySaga(batch.map(({ event }) => event as SagaInput));
    const died = fate === "died between database and log";
    if (!died) this.#publish(published);
    if (fate !== "handled") this.#onTheWay.push(...batch.map(({ event, again }) => ({ event, again: died || again })));
  }

  /** Not what Kafka does, but what a dead letter, a wrong offset or an expired topic do. */
  lose(which: number): void {
    if (this.#onTheWay.length === 0) return;
    const index = which % this.#onTheWay.length;
    if (!this.#onTheWay[index]!.again) this.#onTheWay.splice(index, 1);
  }

  cancel(): void {
    this.#publish([cancelRequested()]);
  }

  /** The sweeper. */
  deadline(resend: readonly Step[], giveUp: boolean): void {
    this.#attempts++;
    this.#publish([deadlinePassed(this.#attempts, resend, giveUp)]);
  }

  sweep(): void {
    this.deadline(outstandingSteps(this.#state), false);
  }

  setDown(step: Step, down: boolean): void {
    if (down) this.#down.add(step);
    else this.#down.delete(step);
  }

  /** A command that the saga did not send: a replay, an operator. A skipped step hears of none, only of its result. */
  stray(step: Step): void {
    const { order, steps } = this.#state;
    if (order === null) return;
    const event = steps[step].status === "SKIPPED" ? completed(step) : this.#steps[step].command();
    this.#onTheWay.push({ event, again: true });
  }

  /** Everything works again and all that is owed is delivered. Ends even if the saga never does. */
  settle(): void {
    this.#down.clear();
    for (let round = 0; round < 40; round++) {
      for (let i = 0; !this.quiet && i < 400; i++) this.deliver(i * 7, "handled");
      if (outstandingSteps(this.#state).length === 0) return;
      this.sweep();
    }
  }

  /** What must hold at every moment. */
  checkNow(): void {
    if (this.#state.status !== "COMPLETED") return;
    const missing = STEPS.filter((step) => this.#state.steps[step].status !== "SKIPPED" && !this.#steps[step].stands);
    assert.deepEqual(missing, [], "a completed order lacks");
  }

  /** What must hold when it is over. */
  checkEnd(): void {
    const { status } = this.#state;
    assert.ok(status === "COMPLETED" || status === "CANCELLED", `it ends ${status}`);
    assert.deepEqual(outstandingSteps(this.#state), [], "nothing is outstanding");
    assert.equal(this.books.complaint(status), null, `the books of a ${status} order`);
    if (this.#cancelled) assert.equal(status, "CANCELLED", "a request to cancel that came in time");
    this.ledger.check(this.#state);
  }

  #bySaga(inputs: readonly SagaInput[]): StampedeEvent[] {
    let state = this.#state;
    const outputs: StampedeEvent[] = [];
    for (const input of inputs) {
      this.#events++;
      const mode = { mode: this.plan.mode, parallelPercent: 50 };
      const handled: Handled = this.handleEvent(state, input, { at: clock(this.#events), mode });
      this.ledger.decided(handled.decisions, state);
      if (input.type === "OrderCancelRequested" && this.#inTime(state)) this.#cancelled = true;
      state = handled.state;
      outputs.push(...handled.outputs);
    }
    this.#state = readSagaState(JSON.parse(JSON.stringify(state)));
    return outputs;
  }

  #inTime({ status, steps }: SagaState): boolean {
    return status === "PENDING" || (status === "PROCESSING" && steps.PAYMENT.status !== "COMPLETED");
  }

  #byStep(event: StampedeEvent): StampedeEvent[] | "down" {
    for (const step of STEPS) {
      const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
      if (event.type !== requested && event.type !== restoreRequested) continue;
      if (this.#down.has(step)) return "down";
      return [event.type === requested ? this.#steps[step].command() : this.#steps[step].restore()];
    }
    throw new Error(`nobody consumes ${event.type}`);
  }

  #publish(events: readonly StampedeEvent[]): void {
    for (const event of events) {
      this.ledger.published(event);
      const consumed = isSagaInput(event.type) || /Requested$/.test(event.type);
      if (consumed) this.#onTheWay.push({ event, again: false });
    }
  }
}

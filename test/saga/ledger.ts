import assert from "node:assert/strict";
import type { SagaDecision } from "../../consumers/saga/decisions.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, type Step } from "../../contracts/orders/steps.ts";
import { orderEventId, orderStream } from "../../contracts/orders/streams.ts";
import { nameOf } from "./given.ts";
import { orderId } from "./orders.ts";

/** What the saga decided to say, and what it said. */
export class Ledger {
  /** Names by event id. */
  readonly #owed = new Map<string, string>();
  readonly #said = new Map<string, StampedeEvent>();
  /** Answered or given up. If they were never said, their places in the stream stay empty. */
  readonly #withdrawn = new Set<string>();

  decided(decisions: readonly SagaDecision[], before: SagaState): void {
    let failed = before.failure !== undefined && before.status !== "PENDING";
    for (const decision of decisions) {
      switch (decision.type) {
        case "OrderFailed":
          failed = true;
          break;
        case "StepRequested":
          assert.ok(!failed, `${decision.step} is requested of an order that failed`);
          this.#owes(STEP_EVENT_TYPES[decision.step].requested);
          break;
        case "StepRestoring":
          this.#answered(decision.step);
          this.#owes(STEP_EVENT_TYPES[decision.step].restoreRequested);
          break;
        case "StepCompleted":
        case "StepFailed":
        case "StepRestored":
          this.#answered(decision.step);
          break;
        case "CompensationBegun":
          this.#owes("CompensationRequired");
          if (decision.steps.length > 0) this.#owes("OrderStatusChanged", "COMPENSATING");
          break;
        case "OrderSettled":
          this.#owes(decision.status === "COMPLETED" ? "OrderCompleted" : "CompensationCompleted");
          this.#owes("OrderStatusChanged", decision.status);
          if (decision.status === "CANCELLED") this.#owes("OrderCancelled");
          break;
      }
    }
  }

  /** A repeated message equals the first one. */
  published(event: StampedeEvent): void {
    const before = this.#said.get(event.eventId);
    if (before === undefined) this.#said.set(event.eventId, event);
    else if (event.stream === orderStream(orderId)) assert.deepEqual(event, before, `${nameOf(event)} was repeated`);
  }

  check(state: SagaState): void {
    const unsaid = [...this.#owed].filter(([id]) => !this.#said.has(id)).map(([, name]) => name);
    assert.deepEqual(unsaid, [], "never said");
    const places = [...this.#said.values()].filter(({ stream }) => stream === orderStream(orderId));
    const taken = new Set(places.map(({ sequence }) => sequence));
    assert.equal(taken.size, places.length, "two messages in one place");
    assert.ok(!taken.has(1), "the door's place was taken");
    const empty = this.#withdrawn.difference(new Set(this.#said.keys()));
    assert.equal(taken.size + empty.size, state.sequence - 1, "the order's stream has a gap");
  }

  /** What was asked of a step is answered (or given up): whether it was heard does not matter any more. */
  #answered(step: Step): void {
    const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
    for (const type of [requested, restoreRequested]) {
      const id = orderEventId(orderId, type);
      if (this.#owed.delete(id)) this.#withdrawn.add(id);
    }
  }

  #owes(type: Parameters<typeof orderEventId>[1], detail = ""): void {
    this.#owed.set(orderEventId(orderId, type, detail), `${type} ${detail}`.trim());
  }
}

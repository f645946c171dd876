import type { SagaInput } from "../../consumers/saga/inputs.ts";
import { handle, saga } from "../../consumers/saga/saga.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import { STEP_EVENT_TYPES, STEPS } from "../../contracts/orders/steps.ts";
import { clock } from "./given.ts";
import { completed, restored } from "./orders.ts";

/** The answer of a step that does whatever it is asked; undefined: not a command. */
function answerTo(event: StampedeEvent): ResultEvent | undefined {
  for (const step of STEPS) {
    if (event.type === STEP_EVENT_TYPES[step].requested) return completed(step);
    if (event.type === STEP_EVENT_TYPES[step].restoreRequested) return restored(step);
  }
  return undefined;
}

/**
 * All messages of an order until nothing more is said, its first event included. `answers`: what a step says instead.
 * `copies`: how often the saga is handed each event.
 */
export function conversation(first: SagaInput, answers: readonly ResultEvent[] = [], copies = 1): StampedeEvent[] {
  const instead = new Map(answers.map((answer) => [answer.stream, answer]));
  const said: StampedeEvent[] = [first];
  const waiting: SagaInput[] = [first];
  let state = saga.initialState();
  for (let i = 0, input = waiting.shift(); input !== undefined; i++, input = waiting.shift()) {
    for (let copy = 0; copy < copies; copy++) {
      const handled = handle(state, input, { at: clock(i), mode: { mode: "PARALLEL", parallelPercent: 0 } });
      state = handled.state;
      for (const output of handled.outputs) {
        said.push(output);
        const usual = answerTo(output);
        if (usual === undefined) continue;
        const answer = (output.type.endsWith("RestoreRequested") ? undefined : instead.get(usual.stream)) ?? usual;
        said.push(answer);
        waiting.push(answer);
      }
    }
  }
  return said;
}

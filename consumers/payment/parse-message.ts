import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { StampedeError } from "../../contracts/errors.ts";
import { STEP_EVENTS, type StepEventOf } from "../../contracts/step-events.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";

const TYPES = ["PaymentRequested", "PaymentRestoreRequested", "PaymentReported"] as const;
export type PaymentMessage = {
  [T in (typeof TYPES)[number]]: Pick<StepEventOf<T>, "type" | "data">;
}[(typeof TYPES)[number]];

const checks: ReadonlyMap<string, TypeCheck<TSchema>> = new Map(
  TYPES.map((type) => [type, TypeCompiler.Compile(STEP_EVENTS[type].properties.data)]),
);
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * What a record tells the payment role; null: an event that is not for it (a newer release's). Of the envelope only the type
 * is needed: an order has one command and one restore.
 * @throws StampedeError VALIDATION_FAILED: no retry helps
 */
export function parseMessage(record: IncomingRecord): PaymentMessage | null {
  let event: { type?: unknown; data?: unknown } | null;
  try {
    event = JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
  } catch (cause) {
    throw new StampedeError("VALIDATION_FAILED", "the record is not JSON", { cause });
  }
  const type = event?.type;
  if (typeof type !== "string") throw new StampedeError("VALIDATION_FAILED", "not an event: it has no type");
  const check = checks.get(type);
  if (check === undefined) return null;
  if (!check.Check(event?.data)) {
    const first = check.Errors(event?.data).First();
    throw new StampedeError("VALIDATION_FAILED", `not a ${type}: ${first?.path} ${first?.message}`);
  }
  return event as PaymentMessage;
}

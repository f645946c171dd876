import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { isOrderId, type OrderId } from "../../contracts/orders/ids.ts";
import { STEP_EVENTS, type StepEventOf } from "../../contracts/orders/step-events.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { parseEvent } from "../engine/read-batch.ts";

const TYPES = ["PaymentRequested", "PaymentRestoreRequested", "PaymentReported"] as const;
export type PaymentMessage = {
  [T in (typeof TYPES)[number]]: Pick<StepEventOf<T>, "type" | "data">;
}[(typeof TYPES)[number]];

/** A command that can't be read, of an order that can: it fails, and its record goes to the dead letters. */
export interface Unreadable {
  readonly type: "Unreadable";
  readonly data: { readonly orderId: OrderId };
}

const checks: ReadonlyMap<string, TypeCheck<TSchema>> = new Map(
  TYPES.map((type) => [type, TypeCompiler.Compile(STEP_EVENTS[type].properties.data)]),
);
/** The order of a command that parseMessage could not read; null: the order cannot be read either. */
export function unreadableOf(record: IncomingRecord): Unreadable | null {
  try {
    const { type, data } = parseEvent<{ type?: unknown; data?: { orderId?: unknown } }>(record.value) ?? {};
    const orderId = data?.orderId;
    const isCommand = type === "PaymentRequested" && typeof orderId === "string" && isOrderId(orderId);
    return isCommand ? { type: "Unreadable", data: { orderId } } : null;
  } catch {
    return null; // not JSON: it names no order
  }
}

/**
 * What a record tells the payment role; null: an event that is not for it (a newer release's). Of the envelope only the type
 * is needed: an order has one command and one restore.
 * @throws StampedeError VALIDATION_FAILED: no retry helps
 */
export function parseMessage(record: IncomingRecord): PaymentMessage | null {
  const event = parseEvent<{ type?: unknown; data?: unknown }>(record.value);
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

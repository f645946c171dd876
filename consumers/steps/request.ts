import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { isOrderId, type OrderId } from "../../contracts/orders/ids.ts";
import { STEP_EVENTS, type StepEventOf } from "../../contracts/orders/step-events.ts";
import { STEP_EVENT_TYPES, type Step } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { parseEvent } from "../engine/read-batch.ts";

type Types = typeof STEP_EVENT_TYPES;
export type CommandData<S extends Step> = StepEventOf<Types[S]["requested"]>["data"];
export type RestoreData<S extends Step> = StepEventOf<Types[S]["restoreRequested"]>["data"];

interface OfOrder {
  readonly orderId: OrderId;
  readonly record: IncomingRecord;
}
/** Do it. */
export interface StepCommand<S extends Step> extends OfOrder {
  readonly kind: "command";
  readonly data: CommandData<S>;
  /** When the saga asked for it, milliseconds since 1970; the same in every copy. The order may be much older. */
  readonly at: number;
}
/** Undo it, or never do it. */
export interface Restore<S extends Step> extends OfOrder {
  readonly kind: "restore";
  readonly data: RestoreData<S>;
}
/** A command of a known order that can't be carried out as it stands: its order fails, for good. */
export interface BrokenCommand extends OfOrder {
  readonly kind: "broken";
  readonly error: unknown;
}
export type StepRequest<S extends Step> = StepCommand<S> | Restore<S> | BrokenCommand;

const bytesOf = (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength);

/** Reads the records of one step. */
export class RequestParser<S extends Step> {
  readonly #command: string;
  readonly #restore: string;
  readonly #commandCheck: TypeCheck<TSchema>;
  readonly #restoreCheck: TypeCheck<TSchema>;

  constructor(step: S) {
    const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
    this.#command = requested;
    this.#restore = restoreRequested;
    this.#commandCheck = TypeCompiler.Compile<TSchema>(STEP_EVENTS[requested].properties.data);
    this.#restoreCheck = TypeCompiler.Compile<TSchema>(STEP_EVENTS[restoreRequested].properties.data);
  }

  /**
   * null: an event for another role. Such events are recognized without parsing the JSON: in a rush, coupon-events is
   * full of CouponIssued. @throws StampedeError VALIDATION_FAILED: it can't be said whose request that is
   */
  parse(record: IncomingRecord): StepRequest<S> | null {
    const bytes = bytesOf(record.value ?? new Uint8Array());
    if (!bytes.includes(this.#command) && !bytes.includes(this.#restore)) return null;
    const event = parseEvent<{ type?: unknown; occurredAt?: unknown; data?: { orderId?: unknown } | null }>(bytes);
    const { type, data } = event ?? {};
    if (type !== this.#command && type !== this.#restore) return null;
    const orderId = data?.orderId;
    if (typeof orderId !== "string" || !isOrderId(orderId)) {
      throw new StampedeError("VALIDATION_FAILED", `not a ${type}: it names no order`);
    }
    const isCommand = type === this.#command;
    const check = isCommand ? this.#commandCheck : this.#restoreCheck;
    const at = Date.parse(String(event?.occurredAt));
    if (!check.Check(data) || (isCommand && Number.isNaN(at))) {
      const first = check.Errors(data).First();
      const error = new StampedeError("VALIDATION_FAILED", `not a ${type}: ${first?.path ?? "occurredAt"}`);
      if (isCommand) return { kind: "broken", orderId, record, error };
      throw error;
    }
    if (isCommand) return { kind: "command", orderId, record, data: data as CommandData<S>, at };
    return { kind: "restore", orderId, record, data: data as RestoreData<S> };
  }
}

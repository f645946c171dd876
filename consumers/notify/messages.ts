import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CouponIssued, CouponIssueFailed } from "../../contracts/claims/events.ts";
import { OrderCancelRefused, OrderStatusChanged } from "../../contracts/orders/events.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { requestTime, type UserId } from "../../contracts/wire/ids.ts";
import type { PersonalMessage } from "../../contracts/wire/socket-messages.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { NewMessage } from "../../lua/inbox.ts";
import { parseEvent } from "../engine/read-batch.ts";

// Without `issuedAt`: a compiled schema with a format asks TypeBox's global registry, which is not this room's to fill.
const issued = TypeCompiler.Compile(Type.Omit(CouponIssued.properties.data, ["issuedAt"]));
const failed = TypeCompiler.Compile(CouponIssueFailed.properties.data);
const statusChanged = TypeCompiler.Compile(Type.Omit(OrderStatusChanged.properties.data, ["status"]));
const cancelRefused = TypeCompiler.Compile(OrderCancelRefused.properties.data);
const STAGES: readonly unknown[] = ["COMPENSATING", "COMPLETED", "CANCELLED"];

/** A message as the inbox keeps it; the cursor is added on the way out. */
type Kept<T> = T extends unknown ? Omit<T, "cursor"> : never;

/** What one user is told, and of which record. */
export interface Personal extends NewMessage {
  readonly userId: UserId;
  /** When the event was made, milliseconds since 1970. */
  readonly occurredAt: number;
  readonly record: IncomingRecord;
}

/** What is known of an event besides its message. */
type Facts = Pick<Personal, "eventId" | "occurredAt" | "record">;

interface Envelope {
  readonly type?: unknown;
  readonly eventId?: unknown;
  readonly occurredAt?: unknown;
  readonly sequence?: unknown;
  readonly data?: unknown;
}

function factsOf(event: Envelope, record: IncomingRecord): Facts {
  const occurredAt = typeof event.occurredAt === "string" ? Date.parse(event.occurredAt) : Number.NaN;
  const { topic, partition, offset } = record;
  return {
    // A record without an event id: its place in the topic stays the same when it is read again.
    eventId: typeof event.eventId === "string" ? event.eventId : `${topic}/${partition}/${offset}`,
    occurredAt: Number.isNaN(occurredAt) ? record.timestamp : occurredAt,
    record,
  };
}

/**
 * What the owner of the event is told. null: an event that is not for a socket (coupon-events also carries the
 * commands of orders). @throws StampedeError VALIDATION_FAILED
 */
export function messageOf(record: IncomingRecord): Personal | null {
  const event = parseEvent<Envelope>(record.value);
  const { data } = event ?? {};
  const facts = factsOf(event ?? {}, record);
  if (event?.type === "CouponIssued") {
    const issuedAt = (data as Partial<CouponIssued["data"]> | undefined)?.issuedAt;
    if (!issued.Check(data) || typeof issuedAt !== "string" || Number.isNaN(Date.parse(issuedAt))) {
      throw new StampedeError("VALIDATION_FAILED", "not a CouponIssued");
    }
    const { couponId, requestId, slot, userId } = data;
    const message: Kept<PersonalMessage> = { type: "coupon.issued", couponId, requestId, slot, issuedAt };
    return { ...facts, userId, json: JSON.stringify(message), since: requestTime(requestId) };
  }
  if (event?.type === "CouponIssueFailed") {
    if (!failed.Check(data)) throw new StampedeError("VALIDATION_FAILED", "not a CouponIssueFailed");
    const { couponId, requestId, reason, userId } = data;
    const message: Kept<PersonalMessage> = { type: "coupon.failed", couponId, requestId, reason };
    return { ...facts, userId, json: JSON.stringify(message), since: requestTime(requestId) };
  }
  if (event?.type === "OrderStatusChanged") {
    const { status } = (data ?? {}) as OrderStatusChanged["data"];
    if (!statusChanged.Check(data) || !STAGES.includes(status) || !Number.isSafeInteger(event.sequence)) {
      throw new StampedeError("VALIDATION_FAILED", "not an OrderStatusChanged");
    }
    const { userId, ...told } = { ...data, status };
    const message: Kept<PersonalMessage> = { type: "order.status", ...told };
    const order = { orderId: data.orderId, sequence: event.sequence as number };
    return { ...facts, userId, json: JSON.stringify(message), since: facts.occurredAt, order };
  }
  if (event?.type === "OrderCancelRefused") {
    if (!cancelRefused.Check(data)) throw new StampedeError("VALIDATION_FAILED", "not an OrderCancelRefused");
    const { userId, ...told } = data;
    const message: Kept<PersonalMessage> = { type: "order.cancel_refused", ...told };
    return { ...facts, userId, json: JSON.stringify(message), since: facts.occurredAt };
  }
  return null;
}

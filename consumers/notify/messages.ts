import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { StampedeError } from "../../contracts/errors.ts";
import { CouponIssued, CouponIssueFailed } from "../../contracts/events.ts";
import type { UserId } from "../../contracts/ids.ts";
import { OrderCancelRefused, OrderStatusChanged } from "../../contracts/order-events.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import type { PersonalMessage } from "../../contracts/socket-messages.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";

// Without `issuedAt`: a compiled schema with a format asks TypeBox's global registry, which is not this room's to fill.
const issued = TypeCompiler.Compile(Type.Omit(CouponIssued.properties.data, ["issuedAt"]));
const failed = TypeCompiler.Compile(CouponIssueFailed.properties.data);
const statusChanged = TypeCompiler.Compile(Type.Omit(OrderStatusChanged.properties.data, ["status"]));
const cancelRefused = TypeCompiler.Compile(OrderCancelRefused.properties.data);
const STAGES: readonly unknown[] = ["COMPENSATING", "COMPLETED", "CANCELLED"];
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A message as the inbox keeps it; the cursor is added on the way out. */
type Kept<T> = T extends unknown ? Omit<T, "cursor"> : never;

export interface Personal {
  readonly userId: UserId;
  readonly json: string;
  /** Of a stage of an order: a repeated one may come late. */
  readonly order?: { readonly orderId: OrderId; readonly sequence: number };
}

/**
 * What the owner of the event is told. null: an event that is not for anybody's socket (coupon-events also carries the
 * commands of orders). @throws StampedeError VALIDATION_FAILED
 */
export function messageOf(record: IncomingRecord): Personal | null {
  let event: { type?: unknown; sequence?: unknown; data?: unknown };
  try {
    event = JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
  } catch (cause) {
    throw new StampedeError("VALIDATION_FAILED", "the record is not JSON", { cause });
  }
  const { data } = event ?? {};
  if (event?.type === "CouponIssued") {
    const issuedAt = (data as Partial<CouponIssued["data"]> | undefined)?.issuedAt;
    if (!issued.Check(data) || typeof issuedAt !== "string" || Number.isNaN(Date.parse(issuedAt))) {
      throw new StampedeError("VALIDATION_FAILED", "not a CouponIssued");
    }
    const { couponId, requestId, slot, userId } = data;
    const message: Kept<PersonalMessage> = { type: "coupon.issued", couponId, requestId, slot, issuedAt };
    return { userId, json: JSON.stringify(message) };
  }
  if (event?.type === "CouponIssueFailed") {
    if (!failed.Check(data)) throw new StampedeError("VALIDATION_FAILED", "not a CouponIssueFailed");
    const { couponId, requestId, reason, userId } = data;
    const message: Kept<PersonalMessage> = { type: "coupon.failed", couponId, requestId, reason };
    return { userId, json: JSON.stringify(message) };
  }
  if (event?.type === "OrderStatusChanged") {
    const { status } = (data ?? {}) as OrderStatusChanged["data"];
    if (!statusChanged.Check(data) || !STAGES.includes(status) || !Number.isSafeInteger(event.sequence)) {
      throw new StampedeError("VALIDATION_FAILED", "not an OrderStatusChanged");
    }
    const { userId, ...told } = { ...data, status };
    const message: Kept<PersonalMessage> = { type: "order.status", ...told };
    const order = { orderId: data.orderId, sequence: event.sequence as number };
    return { userId, json: JSON.stringify(message), order };
  }
  if (event?.type === "OrderCancelRefused") {
    if (!cancelRefused.Check(data)) throw new StampedeError("VALIDATION_FAILED", "not an OrderCancelRefused");
    const { userId, ...told } = data;
    const message: Kept<PersonalMessage> = { type: "order.cancel_refused", ...told };
    return { userId, json: JSON.stringify(message) };
  }
  return null;
}

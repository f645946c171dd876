import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { OrderCreated } from "../../contracts/orders/events.ts";
import { type OrderId, orderNumberOf } from "../../contracts/orders/ids.ts";
import { orderCreated } from "../../contracts/orders/messages.ts";
import { NOTHING } from "../../contracts/wire/money.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { parseEvent } from "../engine/read-batch.ts";

type Data = OrderCreated["data"];

const fields = OrderCreated.properties.data.properties;
const checks: ReadonlyMap<string, TypeCheck<TSchema>> = new Map(
  Object.entries(fields).map(([name, schema]) => [name, TypeCompiler.Compile<TSchema>(schema)]),
);

/** What stands for a part that can't be read. */
const unreadable = (orderId: OrderId): Omit<Data, "orderId" | "userId"> => ({
  orderNumber: orderNumberOf(orderId),
  idempotencyKey: "",
  source: "items",
  items: [],
  flashItems: [],
  currency: "XXX" as Data["currency"], // ISO 4217: no currency
  totalAmount: NOTHING,
  discountAmount: NOTHING,
  pointsUsed: NOTHING,
  payableAmount: NOTHING,
  couponId: null,
  payment: { token: "" },
  shipping: { country: "ZZ" }, // ISO 3166: unknown
});

/**
 * An OrderCreated that can't be read as a whole, of an order and an owner that can, with whatever else of it is readable: to
 * be cancelled, and its owner told. As a dead letter it would come again for ever, because the relay sends an order until
 * PostgreSQL has it. null: it can't be said whose order that is, or it is another event.
 */
export function salvageOrder(record: IncomingRecord): OrderCreated | null {
  let event: { type?: unknown; occurredAt?: unknown; data?: Partial<Data> | null } | null;
  try {
    event = parseEvent(record.value);
  } catch {
    return null; // not JSON: it names no order
  }
  const { type, occurredAt, data } = event ?? {};
  if (type !== "OrderCreated" || typeof data !== "object" || data === null) return null;
  const readable = Object.fromEntries(
    Object.entries(data).filter(([name, value]) => checks.get(name)?.Check(value) === true),
  ) as Partial<Data>;
  const { orderId, userId } = readable;
  if (orderId === undefined || userId === undefined) return null;
  const placedAt = Date.parse(String(occurredAt));
  const at = Number.isNaN(placedAt) ? record.timestamp : placedAt;
  return orderCreated({ ...unreadable(orderId), ...readable, orderId, userId }, at);
}

import type { Role } from "../../consumers/engine/role.ts";
import { command, restore } from "../../consumers/saga/commands.ts";
import { couponUsage } from "../../consumers/steps/coupon-usage.ts";
import { points } from "../../consumers/steps/points.ts";
import { stepRole } from "../../consumers/steps/role.ts";
import { shipping } from "../../consumers/steps/shipping.ts";
import { stock } from "../../consumers/steps/stock.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import { type OrderId, orderIdOf, orderNumberOf, type ProductId } from "../../contracts/orders/ids.ts";
import type { PlacedOrder } from "../../contracts/orders/saga-state.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { type Currency, type Money, NOTHING } from "../../contracts/wire/money.ts";
import type { IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { holdingOf } from "../../lua/win-state.ts";
import type { ConsumerWorld } from "../consumers/world.ts";

/** What the tests of the steps need on top of a world: orders, their commands and restores, the four roles. */

let orders = 0;
export interface Wish {
  readonly userId?: string;
  /** Product and quantity, in pairs. */
  readonly items?: readonly (readonly [string, number])[];
  readonly couponId?: CouponId;
  readonly points?: number;
  readonly total?: number;
  readonly country?: string;
  readonly postalCode?: string;
  /** When the door took it, milliseconds since 1970. */
  readonly createdAt?: number;
}

/** An order as the saga knows it. */
export function anOrder(wish: Wish = {}): PlacedOrder {
  const userId = (wish.userId ?? "ann") as UserId;
  const orderId = orderIdOf(userId, `key-${++orders}`, "{}");
  const total = (wish.total ?? 1_000) as Money;
  return {
    orderId,
    userId,
    orderNumber: orderNumberOf(orderId),
    source: "items",
    items: (wish.items ?? [["nothing", 1]]).map(([productId, quantity]) => ({
      productId: productId as ProductId,
      quantity,
      unitPrice: NOTHING,
    })),
    flashItems: [],
    currency: "EUR" as Currency,
    totalAmount: total,
    discountAmount: NOTHING,
    pointsUsed: (wish.points ?? 0) as Money,
    payableAmount: total,
    couponId: wish.couponId ?? null,
    payment: { token: "tok_ok" },
    shipping: {
      country: wish.country ?? "DE",
      ...(wish.postalCode === undefined ? {} : { postalCode: wish.postalCode }),
      name: 'Ann "the \\ quick" O\'Neill, 東京',
    },
    createdAt: wish.createdAt ?? Date.now(),
  };
}

const incoming = ({ topic, key, value, headers }: OutgoingRecord, offset = 0): IncomingRecord => {
  const bytes = (text: string | Uint8Array) => (typeof text === "string" ? Buffer.from(text) : text);
  return {
    topic,
    partition: 0,
    offset,
    key: key == null ? null : bytes(key),
    value: value === null ? null : bytes(value),
    headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, bytes(text)])),
    timestamp: Date.now(),
  };
};

/** The saga's command and restore of an order, as records. */
export const asked = (step: Step, order: PlacedOrder, at = Date.now()): OutgoingRecord =>
  recordOf(command(step, order, { by: "test", at, sequence: 2 }));
export const takenBack = (step: Step, order: PlacedOrder): OutgoingRecord =>
  recordOf(restore(step, order, { by: "test", at: Date.now(), sequence: 3 }));

export type StepName = Exclude<Step, "PAYMENT">;

export function stepRoles(world: ConsumerWorld, producer: Pick<typeof world.producer, "sendAll"> = world.producer) {
  const deps = { sql: world.db.sql, producer, log: world.log, observe: world.neighbours.metrics.orders };
  const usage = couponUsage({
    sql: world.db.sql,
    holdingOf: (couponId, userId) => holdingOf(world.redis, couponId, userId),
    keepHours: world.config.SALE_KEEP_HOURS,
    onError: (message) => world.log.warn({}, message),
  });
  return {
    STOCK: stepRole("stock", stock, deps),
    COUPON: stepRole("coupon-usage", usage, deps),
    POINT: stepRole("points", points, deps),
    SHIPPING: stepRole("shipping", shipping(world.config.delivery), deps),
  } satisfies Record<StepName, Role>;
}

const results = (world: ConsumerWorld) =>
  world.sent.filter(({ topic }) => topic === "order-processing-results").map(({ value }) => String(value));

/** Hands a role one batch. @returns what it answered, as `Type` or `Type REASON productId`, per order in turn */
export async function handled(
  world: ConsumerWorld,
  role: Role,
  ...records: readonly OutgoingRecord[]
): Promise<ResultEvent[]> {
  const before = results(world).length;
  await role.handle(
    records.map((record, i) => incoming(record, i)),
    new AbortController().signal,
  );
  return results(world)
    .slice(before)
    .map((value) => JSON.parse(value) as ResultEvent);
}

/** An answer in a word or three. */
export function said(event: ResultEvent | undefined): string {
  if (event === undefined) return "nothing";
  const { reason, productId } = event.data as { reason?: string; productId?: string };
  return [event.type, reason, productId].filter((word) => word !== undefined).join(" ");
}

export const outcomeOf = async (world: ConsumerWorld, orderId: OrderId, step: Step) => {
  const [row] = await world.db.sql<
    { outcome: string; reason: string | null; restored: boolean }[]
  >`SELECT outcome, reason, restored_at IS NOT NULL AS restored FROM step_outcomes WHERE order_id = ${orderId} AND step = ${step}`;
  return row === undefined
    ? "none"
    : [row.outcome, row.reason, row.restored ? "restored" : null].filter(Boolean).join(" ");
};

export async function newProduct(world: ConsumerWorld, id: string, pieces: number): Promise<void> {
  await world.db.sql`INSERT INTO products (id, name, stock, price) VALUES (${id}, ${id}, ${pieces}, 100)`;
}
export async function newPurse(world: ConsumerWorld, userId: string, balance: number): Promise<void> {
  await world.db.sql`INSERT INTO point_balances (user_id, balance) VALUES (${userId}, ${balance})`;
  await world.db
    .sql`INSERT INTO point_ledger (user_id, delta, reason, actor) VALUES (${userId}, ${balance}, 'gift', 'test')`;
}
export async function stockOf(world: ConsumerWorld, id: string): Promise<{ stock: number; reserved: number }> {
  const [row] = await world.db.sql<
    { stock: number; reserved: number }[]
  >`SELECT stock, reserved FROM products WHERE id = ${id}`;
  return { ...row! };
}
/** Products whose books do not balance: stock + RESERVED + CONFIRMED = what came in. */
export const unbalancedProducts = (world: ConsumerWorld) => world.db.sql`
  SELECT p.id FROM products p
  WHERE p.stock + p.reserved <> (SELECT sum(quantity) FROM stock_movements m WHERE m.product_id = p.id)
     OR p.reserved <> (SELECT coalesce(sum(quantity), 0) FROM stock_reservations r
                       WHERE r.product_id = p.id AND r.status <> 'RELEASED')`;
/** Users whose balance is not the sum of their ledger. */
export const unbalancedPurses = (world: ConsumerWorld) => world.db.sql`
  SELECT b.user_id FROM point_balances b
  WHERE b.balance <> (SELECT coalesce(sum(delta), 0) FROM point_ledger l WHERE l.user_id = b.user_id)`;

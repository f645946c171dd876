import type { Role } from "../../consumers/engine/role.ts";
import { type OrderSagaDeps, orderSaga } from "../../consumers/saga/role.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import { type OrderId, orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import { orderCreated, stepCompleted, stepFailed, stepRestored } from "../../contracts/orders/messages.ts";
import { modeSettingOf } from "../../contracts/orders/saga-mode.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, STEPS, type Step } from "../../contracts/orders/steps.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { moneyOf } from "../../contracts/wire/money.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { orderCreated as template } from "../saga/orders.ts";
import { until } from "../support/until.ts";
import type { ConsumerWorld } from "./world.ts";

export type Refusals = Partial<Record<Step, ResultCode>>;
type Answer = (event: StampedeEvent) => StampedeEvent | null;

const decoder = new TextDecoder();
export const eventOf = (record: Pick<IncomingRecord, "value">): StampedeEvent =>
  JSON.parse(decoder.decode(record.value!));

/** What a step says that does everything it is asked, or refuses as told. It stands for the step roles, whose part it takes. */
export function answering(refusals: ReadonlyMap<string, Refusals> = new Map()): Answer {
  return (event) => {
    const { orderId } = event.data as { orderId: OrderId };
    for (const step of STEPS) {
      const about = { orderId, step, at: Date.parse(event.occurredAt), causationId: event.eventId };
      if (event.type === STEP_EVENT_TYPES[step].restoreRequested) return stepRestored(about, false);
      if (event.type !== STEP_EVENT_TYPES[step].requested) continue;
      const reason = refusals.get(orderId)?.[step];
      return reason === undefined ? stepCompleted(about) : stepFailed(about, reason);
    }
    return null;
  };
}

/** An order of the usual kind (test/saga/orders.ts), each of another user. */
export function anOrder(change: Partial<OrderCreated["data"]> = {}): OrderCreated {
  const userId = change.userId ?? (`user-${crypto.randomUUID().slice(0, 8)}` as UserId);
  const idempotencyKey = change.idempotencyKey ?? "key-1";
  const orderId = change.orderId ?? orderIdOf(userId, idempotencyKey, "{}");
  const { data } = template();
  return orderCreated(
    { ...data, orderId, userId, orderNumber: orderNumberOf(orderId), idempotencyKey, ...change },
    Date.now(),
  );
}

/** The least an order can be: stock and shipping. */
export const smallOrder = (change: Partial<OrderCreated["data"]> = {}): OrderCreated => {
  const { data } = template({ COUPON: false, POINT: false, PAYMENT: false });
  return anOrder({
    ...data,
    orderId: undefined!,
    userId: undefined!,
    idempotencyKey: undefined!,
    ...change,
    totalAmount: moneyOf(3_000),
  });
};

/** The saga's topics of a test: what it reads, and what it and the door write for others. */
export async function openShop(world: ConsumerWorld, over: Partial<OrderSagaDeps> = {}) {
  const [inbox, outbox] = await Promise.all([world.newTopic(4), world.newTopic(4)]);
  /** Every event, in the order of its acknowledgement. */
  const said: StampedeEvent[] = [];
  const refusals = new Map<string, Refusals>();
  const producer = {
    async sendAll(records: readonly OutgoingRecord[]) {
      const toSaga = (topic: string) => topic === "order-events" || topic === "order-processing-results";
      const routed = records.map((record) => ({ ...record, topic: toSaga(record.topic) ? inbox : outbox }));
      await world.rawProducer.sendAll(routed);
      said.push(...records.map(({ value }) => JSON.parse(value as string)));
    },
  };
  const role = orderSaga({
    sql: world.db.sql,
    mode: modeSettingOf("parallel"),
    deadlines: { sweepMs: 60_000, settleMs: 900_000 },
    producer,
    fault: () => {},
    log: world.log,
    ...over,
  });
  const answer = answering(refusals);
  const steps: Role = {
    ...role,
    name: "steps",
    async handle(records) {
      const answers = records.flatMap((record) => answer(eventOf(record)) ?? []);
      if (answers.length > 0) await producer.sendAll(answers.map(recordOf));
      return [];
    },
  };
  return {
    inbox,
    outbox,
    said,
    refusals,
    producer,
    role,
    /** As the door, the sweeper or a step publishes it. */
    publish: (...events: StampedeEvent[]) => producer.sendAll(events.map(recordOf)),
    startSaga: () => world.run(role, inbox),
    startSteps: () => world.run(steps, outbox),
    saidOf: (orderId: string) => said.filter(({ aggregateId }) => aggregateId === orderId).map(({ type }) => type),
    async sagaOf(
      orderId: string,
    ): Promise<{ status: string; state: SagaState; version: number; due_at: Date | null } | undefined> {
      const [row] = await world.db.sql`
        SELECT status, state, version, due_at FROM order_sagas WHERE order_id = ${orderId}`;
      return row as never;
    },
    async orderOf(orderId: string) {
      const [row] = await world.db.sql`SELECT * FROM orders WHERE id = ${orderId}`;
      return row;
    },
    async settled(...orderIds: string[]): Promise<void> {
      await until("the orders are settled", async () => {
        const [row] = await world.db.sql<{ count: number }[]>`
          SELECT count(*)::int AS count FROM order_sagas
          WHERE order_id = ANY (${`{${orderIds.join(",")}}`}::text[]) AND status IN ('COMPLETED', 'CANCELLED')`;
        return row!.count === orderIds.length;
      });
      await until("the saga has read everything", async () => (await world.lag(inbox)) === 0);
    },
  };
}

export type SagaShop = Awaited<ReturnType<typeof openShop>>;

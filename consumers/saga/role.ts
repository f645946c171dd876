import { recordOf } from "../../contracts/event-topics.ts";
import { groupOf } from "../../contracts/groups.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { IncomingRecord, Producer } from "../../kafka/kafka.ts";
import { failureCode, failureKind } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { readBatch } from "../engine/read-batch.ts";
import { ORDER_PACE_MS, type Rejected, type Role } from "../engine/role.ts";
import { type Advanced, type Advancing, advanceOrders } from "./advance-orders.ts";
import type { SagaInput } from "./inputs.ts";
import { parseInput } from "./parse-input.ts";
import { SagaMemory } from "./saga-memory.ts";
import { salvageOrder } from "./salvage-order.ts";

/** What is said of an order that has ended. */
const ENDS: ReadonlySet<string> = new Set(["OrderCompleted", "CompensationCompleted"]);

export interface OrderSagaDeps extends Omit<Advancing, "memory"> {
  readonly producer: Pick<Producer, "sendAll">;
  /** Where a process may be killed, for tests. */
  readonly fault: Fault;
  readonly log: Log;
}

/**
 * The saga at work. The order is the promise: PostgreSQL commits; then what follows is published and acknowledged; then the
 * offsets move. After a crash between two of them the same events are delivered again and publish the same (docs/saga.md).
 */
export function orderSaga(deps: OrderSagaDeps): Role {
  const advancing = { ...deps, memory: new SagaMemory() };
  return {
    name: "order-saga",
    ...groupOf("order-saga"),
    patience: "wait",
    maxBatch: 500,
    lingerMs: 0,
    paceMs: ORDER_PACE_MS,
    // Beside a batch that waits for its acknowledgements another one works: the row locks keep them apart, and the saga
    // takes an order's events in any order.
    concurrency: 2,
    async handle(records) {
      const lost: OrderCreated[] = [];
      const {
        messages: inputs,
        sources,
        rejected,
      } = readBatch(records, (record) => inputOrSalvage(record, lost, deps.log));
      const outputs = lost.length === 0 ? [] : (await advanceOrders(advancing, lost, "INTERNAL")).outputs;
      if (inputs.length > 0) {
        const advanced = await advance(advancing, inputs);
        outputs.push(...advanced.outputs);
        if (advanced.unreadable.size > 0) rejected.push(...parked(inputs, sources, advanced.unreadable));
      }
      if (inputs.length + lost.length === 0) return rejected;
      deps.fault("saga:committed");
      if (outputs.some(({ type }) => ENDS.has(type))) deps.fault("saga:settled");
      if (outputs.length > 0) await deps.producer.sendAll(outputs.map(recordOf));
      deps.fault("saga:published");
      return rejected;
    },
  };
}

/**
 * What a record tells the saga. An order that cannot be read as a whole goes to `lost`, to be cancelled.
 * @throws StampedeError VALIDATION_FAILED for a record that names no order and no owner, so no user can be told
 */
function inputOrSalvage(record: IncomingRecord, lost: OrderCreated[], log: Log): SagaInput | null {
  try {
    return parseInput(record);
  } catch (error) {
    const order = salvageOrder(record);
    if (order === null) throw error;
    lost.push(order);
    log.error({ orderId: order.data.orderId, ...failureCode(error) }, "the order can't be read: it is cancelled");
    return null;
  }
}

/**
 * Events of orders whose state a newer release wrote. They become dead letters, which are sent again every few minutes and are
 * visible to operators. All other orders go on.
 */
const parked = (
  inputs: readonly SagaInput[],
  sources: readonly IncomingRecord[],
  unreadable: ReadonlyMap<OrderId, unknown>,
): Rejected[] =>
  inputs.flatMap(({ data: { orderId } }, i) =>
    unreadable.has(orderId) ? [{ record: sources[i]!, error: unreadable.get(orderId) }] : [],
  );

/**
 * An order that the database refuses for good is cancelled, and its owner is told. The engine divides a batch that failed for
 * good until the order at fault comes alone.
 */
async function advance(deps: Advancing & { log: Log }, inputs: readonly SagaInput[]): Promise<Advanced> {
  try {
    return await advanceOrders(deps, inputs);
  } catch (error) {
    const [only, ...others] = inputs;
    if (others.length > 0 || only?.type !== "OrderCreated" || failureKind(error) !== "permanent") throw error;
    deps.log.error({ orderId: only.data.orderId, ...failureCode(error) }, "the database refuses the order");
    return await advanceOrders(deps, inputs, "INTERNAL");
  }
}

import { expect } from "bun:test";
import { groupOf } from "../../contracts/groups.ts";
import { STEP_GROUPS } from "../../contracts/orders/steps.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import { orderLedgerLengths } from "../../lua/order-ledger.ts";
import { expectBalanced } from "../payments/provider-books.ts";
import { complaints, outstanding } from "./order-books.ts";
import { type Customer, type Ending, inTurns, type OrderCrowd } from "./order-crowd.ts";
import { TestSocket } from "./socket.ts";
import type { System } from "./system.ts";
import { until } from "./until.ts";

export interface ExpectedOrders {
  /** How many of the scarce product and of the flash product were there: all of them must be sold. */
  readonly scarce?: number;
  readonly tickets?: number;
  /** Endings that any kind may have besides its own. */
  readonly alsoEnds?: readonly Ending[];
  /** Prints a line of that name. */
  readonly fault?: string;
  /** When the fault was over, by Date.now(). Default: now. */
  readonly healedAt?: number;
  readonly patienceMs?: number;
}

/** One broken promise often shows in every order. */
const SHOWN = 10;

/** The groups that read the topics of orders. */
const READERS = (["order-saga", ...Object.values(STEP_GROUPS), "notify", "admission"] as const).map(groupOf);

/** Resolves when the groups of orders have read all there is. */
export async function logIsRead(system: System, timeoutMs = 60_000): Promise<void> {
  const admin = createRenewedAdmin(createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }));
  try {
    await until(
      "the log of orders is read",
      async () => {
        const lags = await Promise.all(READERS.map(({ groupId, topics }) => admin.groupLag(groupId, topics)));
        return lags.flat().every(({ lag }) => lag === 0);
      },
      timeoutMs,
    );
  } finally {
    await admin.close();
  }
}

interface OrderRow {
  readonly id: string;
  readonly user_id: string;
  readonly status: string;
  readonly failure_reason: string | null;
  readonly settled_at: Date | null;
}

/**
 * The end of every fault: each order that was accepted is there once and has ended as its kind must, its owner hears how,
 * nothing is left open, all books balance, ours and the provider's, and `./dev verify` finds nothing.
 */
export async function ordersKept(system: System, crowd: OrderCrowd, expected: ExpectedOrders = {}): Promise<void> {
  const { patienceMs = 60_000, healedAt = Date.now(), alsoEnds = [] } = expected;
  const accepted = crowd.customers.filter(({ orderId }) => orderId !== undefined);
  const rows = new Map<string, OrderRow>();
  const users = `{${crowd.customers.map(({ userId }) => userId).join(",")}}`;
  const read = async () => {
    const found = await system.sql<OrderRow[]>`
      SELECT id, user_id, status, failure_reason, settled_at FROM orders WHERE user_id = ANY (${users}::text[])`;
    for (const row of found) rows.set(row.id, row);
  };
  await until(
    "every accepted order is settled",
    async () => {
      await read();
      return accepted.every(({ orderId }) => rows.get(orderId!)?.settled_at);
    },
    patienceMs,
  ).catch(() => {}); // which did not is told below
  const endingOf = ({ status, failure_reason }: OrderRow) =>
    (status === "CANCELLED" ? failure_reason : status) as Ending;
  const lost = accepted.filter(({ orderId }) => !rows.has(orderId!));
  const unsettled = accepted.filter(({ orderId }) => rows.get(orderId!)?.settled_at === null);
  const doubled = rows.size - accepted.length + lost.length;
  const wrong = crowd.customers.flatMap(({ userId, kind, ends, orderId, refused }) => {
    const row = orderId === undefined ? undefined : rows.get(orderId);
    const ending = row === undefined ? refused : endingOf(row);
    return ending !== undefined && [...ends, ...alsoEnds].includes(ending)
      ? []
      : [`${userId} (${kind}) ${orderId}: ${ending}`];
  });
  if (expected.fault !== undefined) {
    const ended = [...rows.values()].map(({ status }) => status);
    const count = (status: string) => ended.filter((one) => one === status).length;
    const last = Math.max(...[...rows.values()].map(({ settled_at }) => settled_at?.getTime() ?? 0));
    console.log(
      `fault: ${expected.fault}: ${accepted.length} orders, ${count("COMPLETED")} completed, ${count("CANCELLED")} cancelled, ` +
        `lost ${lost.length}, doubled ${doubled}, unsettled ${unsettled.length}, ` +
        `settled after ${(Math.max(0, last - healedAt) / 1_000).toFixed(1)} s`,
    );
  }
  const none = { lost: 0, unsettled: 0, doubled: 0, wrong: [] };
  const found = { lost: lost.length, unsettled: unsettled.length, doubled, wrong: wrong.slice(0, SHOWN) };
  expect(found).toEqual(none);
  await nothingIsOwed(system);
  await soldOut(system, crowd, expected);
  expect(await complaints(system.sql)).toEqual([]);
  await expectBalanced(system.sql, system.provider.url);
  const endings = new Map([...rows.values()].map((row) => [row.id, row]));
  await inTurns(accepted, 32, (customer) => hearsTheEnd(system, customer, endings.get(customer.orderId!)!));
  expect(await system.violations()).toEqual([]);
}

/** Resolves when nothing waits: every answer is in, every record read. */
export async function nothingIsOwed(system: System, timeoutMs = 60_000): Promise<void> {
  await until(
    "nothing is outstanding",
    async () => Object.values(await outstanding(system.sql)).every((count) => count === 0),
    timeoutMs,
  );
  await logIsRead(system, timeoutMs);
  await until(
    "the order ledger is empty",
    async () => (await orderLedgerLengths(system.redis)).every((length) => length === 0),
    timeoutMs,
  );
}

/** What many wanted is sold to the last piece. */
async function soldOut(system: System, { products }: OrderCrowd, { scarce, tickets }: ExpectedOrders): Promise<void> {
  for (const [productId, pieces] of [
    [products.scarce, scarce],
    [products.ticket, tickets],
  ] as const) {
    if (pieces === undefined) continue;
    const [row] = await system.sql<{ stock: number; reserved: number }[]>`
      SELECT stock, reserved FROM products WHERE id = ${productId}`;
    expect({ ...row! }).toEqual({ stock: 0, reserved: pieces });
  }
}

/** Connects as a user who was away the whole time: what happened comes with `resume`, and says what GET says. */
async function hearsTheEnd(system: System, { userId, orderId, cursor }: Customer, row: OrderRow): Promise<void> {
  const token = system.token(userId);
  const socket = await TestSocket.welcomed(system.url, token);
  socket.send({ type: "resume", ...(cursor === undefined ? {} : { cursor }) });
  // Told, or shown in the state that takes the place of an inbox which a restarted Redis can't vouch for.
  const told = () =>
    [...socket.all("order.status"), ...socket.all("resync").flatMap(({ orders }) => orders)].filter(
      (one) => one.orderId === orderId,
    );
  await until(`${userId} hears`, () => told().some(({ status }) => status === row.status), 30_000).catch((cause) => {
    const heard = socket.heard.map((message) => JSON.stringify(message)).join("\n");
    throw new Error(`${userId}, whose order is ${row.status}, did not hear it. Heard:\n${heard}`, { cause });
  });
  const stages = told().map(({ status, reason }) => (status === "COMPLETED" ? status : `${status} ${reason}`));
  socket.close();
  const end = row.status === "COMPLETED" ? "COMPLETED" : `CANCELLED ${row.failure_reason}`;
  // Nothing else, and nothing after it: "being undone" comes first or not at all.
  const undone = `COMPENSATING ${row.failure_reason}`;
  expect({ userId, stages: [...new Set(stages)].filter((stage) => stage !== undone), last: stages.at(-1) }).toEqual({
    userId,
    stages: [end],
    last: end,
  });
}

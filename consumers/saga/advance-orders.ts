import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { type ModeSetting, modeSettingOf, parseSagaChoice, SAGA_SETTING } from "../../contracts/orders/saga-mode.ts";
import { readSagaState, type SagaState } from "../../contracts/orders/saga-state.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Executor, Sql } from "../../db/client.ts";
import { advanceSagas, SagaAppeared, type SagaWrites } from "../../db/orders/advance.ts";
import { finishedOrders } from "../../db/orders/known.ts";
import { readSagas } from "../../db/orders/sagas.ts";
import { type NewOrder, type OpenedOrders, openOrders } from "../../db/orders/write.ts";
import { findSetting } from "../../db/settings/settings.ts";
import { type Folded, foldOrder } from "./fold-order.ts";
import type { SagaInput } from "./inputs.ts";
import type { OrderDeadlines } from "./rows.ts";
import type { SagaMemory } from "./saga-memory.ts";
import { type SagaWrite, writesOf } from "./save-orders.ts";

export interface Advancing {
  readonly sql: Sql;
  /** What holds until an operator chooses. */
  readonly mode: ModeSetting;
  readonly deadlines: OrderDeadlines;
  readonly memory: SagaMemory;
  readonly observe?: {
    /** These were committed. */
    advanced(folded: readonly Folded[]): void;
  };
}

export interface Advanced {
  /** To be published now that it is committed, each once. */
  readonly outputs: StampedeEvent[];
  /** Orders whose state a newer release wrote, and why that can't be read: nothing of theirs was handled. */
  readonly unreadable: ReadonlyMap<OrderId, unknown>;
}

/** Two batches that meet at new orders: the second sees the first's rows when it looks again. */
const TRIES = 5;

/**
 * Advances orders by events: locks their sagas, handles the events in memory, writes what changed, all in one transaction.
 * @param refusal the one order of these events was refused by the database: it is cancelled, for this reason, without a row
 * in `orders`
 * @throws what the database threw; nothing was written
 */
export async function advanceOrders(
  deps: Advancing,
  inputs: readonly SagaInput[],
  refusal?: ResultCode,
): Promise<Advanced> {
  const byOrder = new Map<OrderId, SagaInput[]>();
  for (const input of inputs) {
    const { orderId } = input.data;
    const others = byOrder.get(orderId);
    if (others === undefined) byOrder.set(orderId, [input]);
    else others.push(input);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      const { result } = await advanceSagas(deps.sql, [...byOrder.keys()], (tx, versions) =>
        advanceLocked(tx, deps, versions, byOrder, refusal),
      );
      const { versions, folded, unreadable } = result;
      for (const { orderId, state, transitions } of folded) {
        deps.memory.keep(orderId, { version: (versions.get(orderId) ?? 0) + transitions, state });
      }
      deps.observe?.advanced(folded);
      // An event that came twice in one batch says the same twice.
      const said = new Map(folded.flatMap(({ outputs }) => outputs.map((event) => [event.eventId, event])));
      return { outputs: [...said.values()], unreadable };
    } catch (error) {
      if (!(error instanceof SagaAppeared) || attempt === TRIES) throw error;
    }
  }
}

async function advanceLocked(
  tx: Executor,
  deps: Advancing,
  versions: ReadonlyMap<string, number>,
  asked: ReadonlyMap<OrderId, readonly SagaInput[]>,
  refusal: ResultCode | undefined,
): Promise<{ readonly writes: SagaWrites; readonly result: Transaction }> {
  const { states, unreadable } = await statesOf(tx, deps.memory, versions);
  const byOrder = [...asked].filter(([orderId]) => !unreadable.has(orderId));
  const created = byOrder.flatMap(([orderId, inputs]) =>
    states.get(orderId)?.order ? [] : (inputs.find((input) => input.type === "OrderCreated") ?? []),
  ) as OrderCreated[];
  const [mode, { inserted, refused }] = await Promise.all([
    created.length === 0 ? deps.mode : readMode(tx, deps.mode),
    refusal === undefined ? openOrders(tx, created.map(orderOf)) : NOTHING_OPENED,
  ]);
  // The order finished and retention took its saga: every event of it is an old one. A saga that began anew would
  // run it a second time.
  const strangers = byOrder.flatMap(([orderId]) => (versions.has(orderId) || inserted.has(orderId) ? [] : [orderId]));
  const finished = strangers.length === 0 ? new Set<string>() : await finishedOrders(tx, strangers);
  const at = Date.now();
  const current = byOrder.filter(([orderId]) => !finished.has(orderId));
  const folded = current.map(([orderId, inputs]) => {
    const why = refusal ?? (refused.has(orderId) ? "IDEMPOTENCY_KEY_REUSED" : undefined);
    const circumstances = { at, mode, ...(why === undefined ? {} : { refusal: why }) };
    return foldOrder(orderId, states.get(orderId) ?? null, inputs, circumstances);
  });
  const write: SagaWrite = { at, deadlines: deps.deadlines, refused: refusal !== undefined };
  const changed = folded.filter(({ transitions }) => transitions > 0);
  return { writes: writesOf(changed, write), result: { versions, folded, unreadable } };
}

interface Transaction {
  readonly versions: ReadonlyMap<string, number>;
  readonly folded: readonly Folded[];
  readonly unreadable: Advanced["unreadable"];
}

/** The states of locked sagas: those that this process wrote itself are known, the others are read, if that is possible. */
async function statesOf(
  tx: Executor,
  memory: SagaMemory,
  versions: ReadonlyMap<string, number>,
): Promise<{ readonly states: ReadonlyMap<string, SagaState>; readonly unreadable: ReadonlyMap<OrderId, unknown> }> {
  const unreadable = new Map<OrderId, unknown>();
  const states = new Map<string, SagaState>();
  for (const [orderId, version] of versions) {
    const state = memory.recall(orderId, version);
    if (state !== undefined) states.set(orderId, state);
  }
  const unknown = [...versions.keys()].filter((orderId) => !states.has(orderId));
  if (unknown.length === 0) return { states, unreadable };
  for (const { orderId, state } of await readSagas(tx, unknown)) {
    try {
      states.set(orderId, readSagaState(state));
    } catch (error) {
      unreadable.set(orderId as OrderId, error);
    }
  }
  return { states, unreadable };
}

/** Asked where orders begin, in their own transaction: a switch holds for the next order, and an idle role asks nothing. */
async function readMode(tx: Executor, otherwise: ModeSetting): Promise<ModeSetting> {
  const setting = await findSetting(tx, SAGA_SETTING);
  const choice = setting === null ? null : parseSagaChoice(String(setting.value));
  return choice === null ? otherwise : modeSettingOf(choice);
}

const NOTHING_OPENED: OpenedOrders = { inserted: new Set(), refused: new Set() };

const orderOf = ({ data, occurredAt }: OrderCreated): NewOrder => ({ ...data, createdAt: occurredAt });

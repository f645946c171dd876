import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import type { Producer } from "../../kafka/kafka.ts";
import type { LedgerRange } from "../../lua/ledger.ts";
import type { OrderLedgerEntry, OrderPage } from "../../lua/order-ledger.ts";
import { failureKind } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";

export interface OrderRelayDeps {
  readonly buckets: number;
  /** Entries of a bucket. */
  readonly length: (bucket: number) => Promise<number>;
  readonly read: (bucket: number, range: LedgerRange) => Promise<OrderPage>;
  readonly acknowledge: (bucket: number, entries: readonly OrderLedgerEntry[]) => Promise<unknown>;
  /** Those of the orders that PostgreSQL has. */
  readonly known: (orderIds: readonly OrderId[]) => Promise<ReadonlySet<OrderId>>;
  /** One process at a time per bucket; undefined when all are held elsewhere. */
  readonly lease: (buckets: readonly number[], work: (held: readonly number[]) => Promise<void>) => Promise<unknown>;
  /** Leaves out buckets for which Redis does not answer and orders that cannot be sent; the others go on. */
  readonly leftOut: LeftOut;
  readonly producer: Pick<Producer, "sendAll">;
  readonly waitingEntries: (entries: number) => void;
  readonly relayed: (orders: number) => void;
  readonly log: Log;
  /** How old an entry must be: younger ones are on their way through Kafka. */
  readonly ageMs: number;
}

/** Entries of one bucket that are read at a time. */
const PAGE = 100;
/**
 * An order that was sent again has this many times `ageMs` to arrive before it is sent once more. Otherwise a saga that is
 * minutes behind would find every order a hundred times in its log.
 */
const PATIENCE = 6;
/** Entries that are no orders stay until an operator removes them; the log names them once in this time, milliseconds. */
const COMPLAIN_EVERY_MS = 60_000;

const nameOf = (bucket: number) => `{o:${bucket}}`;
interface Place {
  readonly bucket: number;
  readonly after?: string;
}

/**
 * Reads the order ledgers: what PostgreSQL has leaves them, what it does not have is sent to the log again. An order of a
 * gateway that died before it could produce, or of an hour without Kafka, arrives that way.
 * PostgreSQL is asked, not the log: what the log has and lost is sent again, too.
 */
export class OrderRelay {
  readonly #deps: OrderRelayDeps;
  /** Orders that were sent again, and when they may be once more. */
  readonly #sentAgain = new Map<OrderId, number>();
  /** Buckets whose orders all wait for the saga, and when it is worth looking again. */
  readonly #restsUntil = new Map<number, number>();
  /** Buckets whose entries are no orders, and when the log says so again. */
  readonly #complainAt = new Map<number, number>();

  constructor(deps: OrderRelayDeps) {
    this.#deps = deps;
  }

  /** One round over all ledgers. @throws what Redis, PostgreSQL or Kafka threw; the next round tries again */
  async round(stopping: AbortSignal): Promise<void> {
    const { buckets, length, read, lease, leftOut, waitingEntries, ageMs } = this.#deps;
    const counts = await leftOut.runEach("order ledger length", [...Array(buckets).keys()], nameOf, length);
    waitingEntries(counts.reduce((sum, { result }) => sum + result, 0));
    const now = performance.now();
    for (const [orderId, until] of this.#sentAgain) if (until <= now) this.#sentAgain.delete(orderId);
    const filled = counts
      .filter(({ thing, result }) => result > 0 && (this.#restsUntil.get(thing) ?? 0) <= now)
      .map(({ thing }) => thing);
    const oldest = await leftOut.runEach("oldest order", filled, nameOf, (bucket) =>
      read(bucket, { olderThanMs: ageMs, count: 1 }),
    );
    const overdue = oldest.filter(({ result }) => result.entries.length + result.malformed.length > 0);
    if (overdue.length === 0) return;
    const ids = overdue.map(({ thing }) => thing);
    await lease(ids, (held) => this.#settle(held, stopping));
  }

  /** A page of each bucket at a time: PostgreSQL is asked about all of them at once, so a quiet minute costs it one question a round. */
  async #settle(held: readonly number[], stopping: AbortSignal): Promise<void> {
    const { read, acknowledge, known, leftOut, ageMs } = this.#deps;
    const waiting = new Set<number>();
    let open: readonly Place[] = held.map((bucket) => ({ bucket }));
    while (open.length > 0 && !stopping.aborted) {
      const pages = await leftOut.runEach(
        "order ledger",
        open,
        ({ bucket }) => nameOf(bucket),
        ({ bucket, ...from }) => read(bucket, { olderThanMs: ageMs, count: PAGE, ...from }),
      );
      const asked = pages.flatMap(({ result }) => result.entries.map(({ orderId }) => orderId));
      const arrived = asked.length === 0 ? new Set<OrderId>() : await known(asked);
      await leftOut.runEach(
        "removing orders",
        pages,
        ({ thing }) => nameOf(thing.bucket),
        async ({ thing, result }) => {
          const done = result.entries.filter(({ orderId }) => arrived.has(orderId));
          if (done.length > 0) await acknowledge(thing.bucket, done);
          for (const { orderId } of done) this.#sentAgain.delete(orderId);
        },
      );
      const absent = pages.flatMap(({ result }) => result.entries.filter(({ orderId }) => !arrived.has(orderId)));
      if (absent.length > 0) await this.#sendAgain(absent);
      for (const { thing, result } of pages) {
        const { entries, malformed } = result;
        if (malformed.length > 0) this.#complain(thing.bucket, malformed);
        if (malformed.length > 0 || entries.some(({ orderId }) => !arrived.has(orderId))) waiting.add(thing.bucket);
      }
      open = pages.flatMap(({ thing: { bucket }, result: { next } }) =>
        next === null ? [] : [{ bucket, after: next }],
      );
    }
    for (const bucket of waiting) this.#restsUntil.set(bucket, performance.now() + ageMs);
  }

  #complain(bucket: number, malformed: readonly string[]): void {
    const now = performance.now();
    if ((this.#complainAt.get(bucket) ?? 0) > now) return;
    this.#complainAt.set(bucket, now + COMPLAIN_EVERY_MS);
    const entries = malformed.slice(0, 10);
    this.#deps.log.error({ bucket, entries }, "the order ledger holds entries that are no orders; they stay");
  }

  async #sendAgain(absent: readonly OrderLedgerEntry[]): Promise<void> {
    const { relayed, log, ageMs } = this.#deps;
    const due = absent.filter(({ orderId }) => !this.#sentAgain.has(orderId));
    if (due.length === 0) return;
    const sent = await this.#send(due);
    if (sent.length === 0) return;
    for (const { orderId } of sent) this.#sentAgain.set(orderId, performance.now() + PATIENCE * ageMs);
    relayed(sent.length);
    log.info({ orders: sent.length }, "sent orders again that PostgreSQL does not have");
  }

  /** All at once; if one of them can never be sent (too large, or no event), each by itself. @returns those that were sent */
  async #send(orders: readonly OrderLedgerEntry[]): Promise<readonly OrderLedgerEntry[]> {
    const { producer, leftOut } = this.#deps;
    try {
      await producer.sendAll(orders.map(({ created }) => recordOf(created)));
      return orders;
    } catch (error) {
      if (failureKind(error) !== "permanent") throw error;
    }
    const sent = await leftOut.runEach(
      "sending again",
      orders,
      ({ orderId }) => orderId,
      async ({ created }) => producer.sendAll([recordOf(created)]),
    );
    return sent.map(({ thing }) => thing);
  }
}

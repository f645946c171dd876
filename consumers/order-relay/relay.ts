import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import type { Producer } from "../../kafka/kafka.ts";
import type { LedgerRange } from "../../lua/ledger.ts";
import type { OrderEntry, OrderPage } from "../../lua/order-ledger.ts";
import type { Log } from "../log.ts";

export interface OrderRelayDeps {
  /** Entries per bucket. */
  readonly lengths: () => Promise<readonly number[]>;
  readonly read: (bucket: number, range: LedgerRange) => Promise<OrderPage>;
  readonly acknowledge: (bucket: number, entries: readonly OrderEntry[]) => Promise<unknown>;
  /** Those of the orders that PostgreSQL has. */
  readonly known: (orderIds: readonly OrderId[]) => Promise<ReadonlySet<OrderId>>;
  /** One process at a time per bucket; undefined when all are held elsewhere. */
  readonly lease: (buckets: readonly number[], work: (held: readonly number[]) => Promise<void>) => Promise<unknown>;
  readonly producer: Pick<Producer, "sendAll">;
  readonly waitingEntries: (entries: number) => void;
  readonly relayed: (orders: number) => void;
  readonly log: Log;
  /** How old an entry must be: younger ones are on their way through Kafka. */
  readonly ageMs: number;
}

/** Entries of each of the 64 buckets that are in hand together. */
const PAGE = 100;
/**
 * An order that was sent again is given so many times `ageMs` to arrive. A saga that is behind by minutes must not find
 * every order in its log a hundred times.
 */
const PATIENCE = 6;

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

  constructor(deps: OrderRelayDeps) {
    this.#deps = deps;
  }

  /** One round over all ledgers. @throws what a neighbour threw; the next round does it again */
  async round(stopping: AbortSignal): Promise<void> {
    const { lengths, read, lease, waitingEntries, ageMs } = this.#deps;
    const counts = await lengths();
    waitingEntries(counts.reduce((sum, count) => sum + count, 0));
    const now = Date.now();
    for (const [orderId, until] of this.#sentAgain) if (until <= now) this.#sentAgain.delete(orderId);
    const filled = [...counts.keys()].filter(
      (bucket) => counts[bucket]! > 0 && (this.#restsUntil.get(bucket) ?? 0) <= now,
    );
    const overdue: number[] = [];
    await Promise.all(
      filled.map(async (bucket) => {
        const { entries, malformed } = await read(bucket, { olderThanMs: ageMs, count: 1 });
        if (entries.length + malformed.length > 0) overdue.push(bucket);
      }),
    );
    if (overdue.length === 0) return;
    await lease(overdue, (held) => this.#settle(held, stopping));
  }

  /** A page of each bucket at a time: PostgreSQL is asked about all of them at once, so a quiet minute costs it one question a round. */
  async #settle(buckets: readonly number[], stopping: AbortSignal): Promise<void> {
    const { read, acknowledge, known, log, ageMs } = this.#deps;
    const waiting = new Set<number>();
    let open: { readonly bucket: number; readonly after?: string }[] = buckets.map((bucket) => ({ bucket }));
    while (open.length > 0 && !stopping.aborted) {
      const pages = await Promise.all(
        open.map(async ({ bucket, ...from }) => {
          return { bucket, ...(await read(bucket, { olderThanMs: ageMs, count: PAGE, ...from })) };
        }),
      );
      const asked = pages.flatMap(({ entries }) => entries.map(({ orderId }) => orderId));
      const arrived = asked.length === 0 ? new Set<OrderId>() : await known(asked);
      await Promise.all(
        pages.map(async ({ bucket, entries }) => {
          const done = entries.filter(({ orderId }) => arrived.has(orderId));
          if (done.length > 0) await acknowledge(bucket, done);
          for (const { orderId } of done) this.#sentAgain.delete(orderId);
        }),
      );
      const absent = pages.flatMap(({ entries }) => entries.filter(({ orderId }) => !arrived.has(orderId)));
      if (absent.length > 0) await this.#sendAgain(absent);
      for (const { bucket, entries, malformed } of pages) {
        if (malformed.length > 0) {
          log.error({ bucket, entries: malformed }, "the order ledger holds entries that are no orders; they stay");
        }
        if (malformed.length > 0 || entries.some(({ orderId }) => !arrived.has(orderId))) waiting.add(bucket);
      }
      open = pages.flatMap(({ bucket, next }) => (next === null ? [] : [{ bucket, after: next }]));
    }
    for (const bucket of waiting) this.#restsUntil.set(bucket, Date.now() + ageMs);
  }

  async #sendAgain(absent: readonly OrderEntry[]): Promise<void> {
    const { producer, relayed, log, ageMs } = this.#deps;
    const due = absent.filter(({ orderId }) => !this.#sentAgain.has(orderId));
    if (due.length === 0) return;
    await producer.sendAll(due.map(({ created }) => recordOf(created)));
    for (const { orderId } of due) this.#sentAgain.set(orderId, Date.now() + PATIENCE * ageMs);
    relayed(due.length);
    log.info({ orders: due.length }, "sent orders again that PostgreSQL does not have");
  }
}

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

const PAGE = 500;
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
    await lease(overdue, async (held) => {
      for (const bucket of held) await this.#bucket(bucket, stopping);
    });
  }

  async #bucket(bucket: number, stopping: AbortSignal): Promise<void> {
    const { read, acknowledge, known, log, ageMs } = this.#deps;
    let after: string | undefined;
    let waiting = false;
    while (!stopping.aborted) {
      const range = { olderThanMs: ageMs, count: PAGE, ...(after === undefined ? {} : { after }) };
      const { entries, malformed, next } = await read(bucket, range);
      if (malformed.length > 0) {
        log.error({ bucket, entries: malformed }, "the order ledger holds entries that are no orders; they stay");
        waiting = true;
      }
      const arrived = entries.length === 0 ? new Set() : await known(entries.map(({ orderId }) => orderId));
      const done = entries.filter(({ orderId }) => arrived.has(orderId));
      if (done.length > 0) await acknowledge(bucket, done);
      for (const { orderId } of done) this.#sentAgain.delete(orderId);
      const absent = entries.filter(({ orderId }) => !arrived.has(orderId));
      if (absent.length > 0) {
        waiting = true;
        await this.#sendAgain(absent);
      }
      if (next === null) break;
      after = next;
    }
    if (waiting) this.#restsUntil.set(bucket, Date.now() + ageMs);
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

import { LRUCache } from "lru-cache";
import { type SagaState, stillOpen } from "../../contracts/orders/saga-state.ts";

/** A saga as its row has it. */
export interface KnownSaga {
  /** Of the row; each change has its own. */
  readonly version: number;
  readonly state: SagaState;
}

/** Ten seconds of a thousand orders a second; 30 MB at the most. */
const ORDERS = 10_000;
/**
 * An order takes one second. A version means the same state as long as PostgreSQL loses no commit, and a standby that takes
 * over without the last ones needs longer than this.
 */
const KEEP_MS = 5_000;

/**
 * What this process wrote of the orders that are under way: under the row's lock its version tells whether that is what the row
 * still holds, and then the state needs neither be sent nor parsed again. It decides nothing: whatever is missing here is read.
 */
export class SagaMemory {
  readonly #known = new LRUCache<string, KnownSaga>({ max: ORDERS, ttl: KEEP_MS, ttlResolution: 100 });

  /** The state of this version; undefined: it has to be read. */
  recall(orderId: string, version: number): SagaState | undefined {
    const known = this.#known.get(orderId);
    return known?.version === version ? known.state : undefined;
  }

  /** After the commit. An order that waits for nothing any more is forgotten. */
  keep(orderId: string, saga: KnownSaga): void {
    if (stillOpen(saga.state)) this.#known.set(orderId, saga);
    else this.#known.delete(orderId);
  }
}

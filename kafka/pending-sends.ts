import type { Expirable } from "./deadlines.ts";
import type { Ack, KafkaError } from "./kafka.ts";

/** Waits for one record's delivery report. */
export interface Waiter {
  acknowledged(partition: number, offset: number): void;
  failed(error: KafkaError): void;
}

/** One `send`. */
export class SingleSend implements Waiter, Expirable {
  settled = false;
  constructor(
    readonly topic: string,
    readonly resolve: (ack: Ack) => void,
    readonly reject: (error: KafkaError) => void,
  ) {}

  acknowledged(partition: number, offset: number): void {
    if (this.settled) return; // a late report: its sender was told ACK_DEADLINE
    this.settled = true;
    this.resolve({ topic: this.topic, partition, offset });
  }

  failed(error: KafkaError): void {
    if (this.settled) return;
    this.settled = true;
    this.reject(error);
  }

  expire(error: KafkaError): void {
    this.failed(error);
  }
}

/** One `sendAll`: counts down its records and keeps the first failure. */
export class GroupSend implements Waiter, Expirable {
  settled = false;
  #error: KafkaError | undefined;

  constructor(
    /** Records without a report. */
    private left: number,
    readonly resolve: () => void,
    readonly reject: (error: KafkaError) => void,
  ) {}

  acknowledged(): void {
    this.#countDown();
  }

  failed(error: KafkaError): void {
    this.#error ??= error;
    this.#countDown();
  }

  expire(error: KafkaError): void {
    if (this.settled) return;
    this.settled = true;
    this.reject(this.#error ?? error);
  }

  #countDown(): void {
    this.left--;
    if (this.left > 0 || this.settled) return;
    this.settled = true;
    if (this.#error === undefined) this.resolve();
    else this.reject(this.#error);
  }
}

/** Waiters by number. librdkafka carries the number as the record's opaque pointer. Numbers are reused. */
export class PendingTable {
  readonly #waiters: (Waiter | undefined)[] = [undefined]; // 0 would be a null pointer
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiter: Waiter): number {
    const number = this.#free.pop() ?? this.#waiters.length;
    this.#waiters[number] = waiter;
    this.#size++;
    return number;
  }

  take(number: number): Waiter | undefined {
    const waiter = this.#waiters[number];
    if (waiter === undefined) return undefined;
    this.#waiters[number] = undefined;
    this.#free.push(number);
    this.#size--;
    return waiter;
  }

  failAll(error: KafkaError): void {
    this.#waiters.forEach((waiter, number) => {
      if (waiter !== undefined) this.take(number)?.failed(error);
    });
  }
}

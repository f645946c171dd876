import { oneBatchAtATime } from "../../contracts/async/per-turn.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { type LeasedPayment, leasePayments } from "../../db/payments/lease.ts";
import type { Producer } from "../../kafka/kafka.ts";
import { failureCode, failureKind } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { jittered, pause } from "../engine/pause.ts";
import { startTicker, type Ticker } from "../engine/ticker.ts";
import type { AlarmKind } from "./alarms.ts";
import { PaymentBreaker } from "./breaker.ts";
import { CALLS_PER_LEASE, callProvider, type Leased } from "./call-provider.ts";
import { CallSlots } from "./call-slots.ts";
import type { PaymentProvider, ProviderAnswer } from "./provider.ts";
import { type Called, commitAnswers, type SettleDeps, type SettledPayment, type Unsettled } from "./settle.ts";

export interface WorkersDeps extends SettleDeps {
  readonly provider: PaymentProvider;
  readonly producer: Pick<Producer, "sendAll">;
  readonly fault: Fault;
  /** Quick calls at the same time; see call-slots.ts. */
  readonly concurrency: number;
  /** How long the provider may take for one call, milliseconds. */
  readonly timeoutMs: number;
  readonly breakerMs: number;
  readonly log: Log;
  readonly onError: (error: unknown) => void;
  readonly observe: {
    /** A call to the provider ended. */
    called(kind: string, seconds: number): void;
    breaker(open: boolean): void;
    /** A person should look at a payment. */
    alarm(kind: AlarmKind): void;
  };
}

/** How often the table is looked at when the workers are not woken, milliseconds. */
const LOOK_MS = 1_000;
/** From this attempt on, a payment without an answer is logged as an error. */
const MANY_ATTEMPTS = 5;
/** Answers that one transaction commits at most. */
const COMMIT_BATCH = 200;
/** Retries of a commit or a publish: first wait and longest wait, milliseconds. */
const RETRY_MS = { first: 100, longest: 5_000 };

const leased = (row: LeasedPayment): Leased => ({
  orderId: row.orderId as OrderId,
  amount: Number(row.amount) as Money,
  currency: row.currency as Currency,
  token: row.token,
  status: row.status,
  captured: Number(row.capturedAmount) as Money,
  refunded: Number(row.refundedAmount) as Money,
  refundedElsewhere: Number(row.refundedElsewhere) as Money,
  returnWanted: row.returnWanted,
  checkWanted: row.checkWanted,
  attempts: row.attempts,
});

/**
 * The half of role payment that calls the provider: takes payments that are due, calls, commits the answers.
 * `startWorkers` starts it.
 */
export class PaymentWorkers {
  readonly #deps: WorkersDeps;
  readonly #breaker: PaymentBreaker;
  readonly #slots: CallSlots;
  readonly #commit: (called: Called) => Promise<SettledPayment | Unsettled>;
  readonly #stopping = new AbortController();
  readonly #ticker: Ticker;
  /** Orders whose payment is being worked on here. */
  readonly #inHand = new Set<OrderId>();
  /** More payments may be due, and all slots were taken. */
  #needsSlot = false;

  /** Looks for payments that are due at once. Callers may pass it on alone. */
  readonly wake = (): void => this.#ticker.wake();

  constructor(deps: WorkersDeps) {
    const { breakerMs, concurrency, log, observe } = deps;
    this.#deps = deps;
    this.#breaker = new PaymentBreaker(breakerMs, (open) => {
      observe.breaker(open);
      if (open) log.error({ role: "payment" }, "the payment provider is ill: payments wait for it");
      else log.info({ role: "payment" }, "the payment provider answers again");
    });
    this.#slots = new CallSlots(concurrency, () => {
      if (this.#needsSlot) this.wake();
    });
    this.#commit = oneBatchAtATime((called: readonly Called[]) => commitAnswers(deps, called), COMMIT_BATCH);
    this.#ticker = startTicker(LOOK_MS, (signal) => this.#round(signal), deps.onError);
  }

  /** Payments whose call or commit is under way. */
  busy(): number {
    return this.#slots.running;
  }

  /** Takes no more payments and lets the calls finish. A payment that is cut off goes to another worker when its lease ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticker.stop();
    await this.#slots.empty();
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (;;) {
      const limit = this.#breaker.allowed(this.#slots.free, performance.now());
      this.#needsSlot = limit === 0 && !this.#breaker.isOpen;
      if (limit === 0 || signal.aborted) return;
      const due = await this.#lease(limit);
      for (const row of due) this.#begin(row);
      if (due.length < limit) return;
    }
  }

  /** Leases payments that are due, longest first. A try while the breaker is open has another order. */
  async #lease(limit: number): Promise<readonly LeasedPayment[]> {
    const { sql, owner, timeoutMs } = this.#deps;
    // A lease outlasts the calls that it may take and their commit.
    const forMs = CALLS_PER_LEASE * timeoutMs + 2_000;
    const lease = { owner, forMs, limit, except: [...this.#inHand] };
    const avoid = this.#breaker.avoid();
    const untried = avoid === null ? [] : await leasePayments(sql, { ...lease, untriedBut: avoid });
    return untried.length > 0 ? untried : await leasePayments(sql, { ...lease, untriedBut: null });
  }

  #begin(row: LeasedPayment): void {
    const payment = leased(row);
    const { orderId } = payment;
    this.#inHand.add(orderId);
    this.#slots.run(() =>
      this.#work(payment, row.userId)
        .catch((error) => {
          this.#deps.log.error({ role: "payment", orderId, ...failureCode(error) }, "a payment's worker failed");
        })
        .finally(() => this.#inHand.delete(orderId)),
    );
  }

  async #work(payment: Leased, userId: string): Promise<void> {
    const { producer, fault, observe, log } = this.#deps;
    const { orderId } = payment;
    const answer = await this.#call(payment, userId);
    fault("payment:called");
    // The answer is not given up after one failed commit: without it, the next worker would have to ask the provider again.
    const result = await this.#persistently(async () => {
      const one = await this.#commit({ orderId, answer });
      if ("error" in one) throw one.error;
      return one;
    });
    fault("payment:settled");
    for (const { kind, why } of result?.alarms ?? []) {
      observe.alarm(kind);
      log.error({ role: "payment", orderId, alarm: kind, why }, "an operator should look at this payment");
    }
    if (result?.open) this.wake();
    // If the process ends before this is published, the sweeper makes the saga ask again, and answers.ts repeats it.
    const records = result?.events.map(recordOf) ?? [];
    if (records.length > 0) await this.#persistently(() => producer.sendAll(records));
  }

  /** Calls the provider, and tells breaker, metrics and log what came of it. */
  async #call(payment: Leased, userId: string): Promise<ProviderAnswer> {
    const { provider, observe, log } = this.#deps;
    const { orderId, attempts } = payment;
    const begun = performance.now();
    const answer = await callProvider(provider, payment);
    const works = answer.kind !== "unknown" || answer.alive === true;
    const notBefore = performance.now() + ((answer.kind === "unknown" && answer.waitMs) || 0);
    this.#breaker.count(works, { key: userId, notBefore });
    observe.called(answer.kind, (performance.now() - begun) / 1_000);
    if (answer.kind === "unknown" || answer.kind === "not-found") {
      const why = answer.kind === "unknown" ? answer.why : "the provider knows no such payment";
      const fields = { role: "payment", orderId, attempts, why };
      if (attempts >= MANY_ATTEMPTS) log.error(fields, "a payment has no answer for long");
      else log.warn(fields, "a payment has no answer yet");
    }
    return answer;
  }

  /**
   * Retries until it succeeds. undefined: the process stops, or no retry can help. The lease then ends, and the provider is
   * asked again.
   */
  async #persistently<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(RETRY_MS.longest, 2 * waitMs)) {
      try {
        return await work();
      } catch (error) {
        this.#deps.onError(error);
        if (this.#stopping.signal.aborted || failureKind(error) === "permanent") return undefined;
        await pause(jittered(waitMs), this.#stopping.signal);
      }
    }
  }
}

export const startWorkers = (deps: WorkersDeps): PaymentWorkers => new PaymentWorkers(deps);

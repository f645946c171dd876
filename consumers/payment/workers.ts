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
import { startTicker } from "../engine/ticker.ts";
import type { AlarmKind } from "./alarms.ts";
import { PaymentBreaker } from "./breaker.ts";
import { CALLS_PER_LEASE, callProvider, type Leased } from "./call-provider.ts";
import { CallSlots } from "./call-slots.ts";
import type { PaymentProvider } from "./provider.ts";
import { type Called, commitAnswers, type SettleDeps } from "./settle.ts";

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

export interface Workers {
  wake(): void;
  /** Payments whose call or settling is under way. */
  busy(): number;
  /** Takes nothing more, lets calls finish. Whatever is cut off is somebody else's when its lease ends. */
  stop(): Promise<void>;
}

/** Between two looks at the table while nobody says that there is something. */
const LOOK_MS = 1_000;
/** A payment that was tried so often without an answer is told of. */
const MANY_ATTEMPTS = 5;
const SETTLE_BATCH = 200;

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

/** Role payment, its half at the provider: takes payments that are due, calls, settles. */
export function startWorkers(deps: WorkersDeps): Workers {
  const { sql, provider, producer, fault, owner, concurrency, timeoutMs, log, observe } = deps;
  // A lease outlasts the calls that it may take and their settling.
  const forMs = CALLS_PER_LEASE * timeoutMs + 2_000;
  const breaker = new PaymentBreaker(deps.breakerMs, (open) => {
    observe.breaker(open);
    if (open) log.error({ role: "payment" }, "the payment provider is ill: payments wait for it");
    else log.info({ role: "payment" }, "the payment provider answers again");
  });
  const stopping = new AbortController();
  const settled = oneBatchAtATime((called: readonly Called[]) => commitAnswers(deps, called), SETTLE_BATCH);
  /** Orders that somebody is at work for. */
  const inHand = new Set<OrderId>();
  let hungry = false;
  const slots = new CallSlots(concurrency, () => {
    if (hungry) ticker.wake();
  });

  async function work(payment: Leased, userId: string): Promise<void> {
    const { orderId, attempts } = payment;
    const begun = performance.now();
    const answer = await callProvider(provider, payment);
    const works = answer.kind !== "unknown" || answer.alive === true;
    const notBefore = performance.now() + ((answer.kind === "unknown" && answer.waitMs) || 0);
    breaker.count(works, { key: userId, notBefore });
    observe.called(answer.kind, (performance.now() - begun) / 1_000);
    fault("payment:called");
    if (answer.kind === "unknown" || answer.kind === "not-found") {
      const why = answer.kind === "unknown" ? answer.why : "the provider knows no such payment";
      const fields = { role: "payment", orderId, attempts, why };
      if (attempts >= MANY_ATTEMPTS) log.error(fields, "a payment has no answer for long");
      else log.warn(fields, "a payment has no answer yet");
    }
    // An answer is worth more than one try: without it the next worker would have to ask again.
    const result = await persistently(async () => {
      const one = await settled({ orderId, answer });
      if ("error" in one) throw one.error;
      return one;
    });
    fault("payment:settled");
    for (const { kind, why } of result?.alarms ?? []) {
      observe.alarm(kind);
      log.error({ role: "payment", orderId, alarm: kind, why }, "somebody should look at this payment");
    }
    if (result?.open) ticker.wake();
    // What is not told before the process ends is told when the sweeper has the saga ask again: see answers.ts.
    const records = result?.events.map(recordOf) ?? [];
    if (records.length > 0) await persistently(() => producer.sendAll(records));
  }

  /**
   * Again and again until it succeeds; undefined when the process stops before, or no retry can help: then the lease runs out,
   * and the provider is asked again.
   */
  async function persistently<T>(what: () => Promise<T>): Promise<T | undefined> {
    for (let waitMs = 100; ; waitMs = Math.min(5_000, 2 * waitMs)) {
      try {
        return await what();
      } catch (error) {
        deps.onError(error);
        if (stopping.signal.aborted || failureKind(error) === "permanent") return undefined;
        await pause(jittered(waitMs), stopping.signal);
      }
    }
  }

  function begin(row: LeasedPayment): void {
    const payment = leased(row);
    const { orderId } = payment;
    inHand.add(orderId);
    slots.run(() =>
      work(payment, row.userId)
        .catch((error) => {
          log.error({ role: "payment", orderId, ...failureCode(error) }, "a payment's worker failed");
        })
        .finally(() => inHand.delete(orderId)),
    );
  }

  /** What is due, longest first; a try of an open breaker has its own order. */
  async function take(limit: number): Promise<readonly LeasedPayment[]> {
    const lease = { owner, forMs, limit, except: [...inHand] };
    const avoid = breaker.avoid();
    const untried = avoid === null ? [] : await leasePayments(sql, { ...lease, untriedBut: avoid });
    return untried.length > 0 ? untried : await leasePayments(sql, { ...lease, untriedBut: null });
  }

  async function round(signal: AbortSignal): Promise<void> {
    for (;;) {
      const limit = breaker.allowed(slots.free, performance.now());
      hungry = limit === 0 && !breaker.isOpen;
      if (limit === 0 || signal.aborted) return;
      const due = await take(limit);
      for (const row of due) begin(row);
      if (due.length < limit) return;
    }
  }
  const ticker = startTicker(LOOK_MS, round, deps.onError);

  return {
    wake: ticker.wake,
    busy: () => slots.running,
    async stop() {
      stopping.abort();
      await ticker.stop();
      await slots.empty();
    },
  };
}

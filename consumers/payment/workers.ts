import { recordOf } from "../../contracts/event-topics.ts";
import type { Fault } from "../../contracts/fault-points.ts";
import type { Currency, Money } from "../../contracts/money.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import { gather } from "../../db/gather.ts";
import { type LeasedPayment, leasePayments } from "../../db/queries/lease-payments.ts";
import type { Producer } from "../../kafka/kafka.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import { jittered, pause } from "../pause.ts";
import { startTicker } from "../ticker.ts";
import { createBreaker } from "./breaker.ts";
import { callProvider, type Leased } from "./call-provider.ts";
import { createPlaces } from "./places.ts";
import type { PaymentProvider } from "./provider.ts";
import { type Called, type SettleDeps, type Settled, settle } from "./settle.ts";

export interface WorkersDeps extends SettleDeps {
  readonly provider: PaymentProvider;
  readonly producer: Pick<Producer, "sendAll">;
  readonly fault: Fault;
  /** Quick calls at the same time; see places.ts. */
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
  orderId: row.order_id as OrderId,
  amount: Number(row.amount) as Money,
  currency: row.currency as Currency,
  token: row.token,
  status: row.status,
  captured: Number(row.captured_amount) as Money,
  refunded: Number(row.refunded_amount) as Money,
  returnWanted: row.return_wanted,
  attempts: row.attempts,
});

/** Role payment, its half at the provider: takes payments that are due, calls, settles. */
export function startWorkers(deps: WorkersDeps): Workers {
  const { sql, provider, producer, fault, owner, concurrency, timeoutMs, log, observe } = deps;
  // A lease outlasts the two calls that it may take (find, then charge or void) and their settling.
  const forMs = 2 * timeoutMs + 2_000;
  const breaker = createBreaker(deps.breakerMs, (open) => {
    observe.breaker(open);
    if (open) log.error({ role: "payment" }, "the payment provider is ill: payments wait for it");
    else log.info({ role: "payment" }, "the payment provider answers again");
  });
  const stopping = new AbortController();
  const settled = gather<Called, Settled>((called) => settle(deps, called), SETTLE_BATCH);
  let hungry = false;
  const places = createPlaces(concurrency, () => {
    if (hungry) ticker.wake();
  });

  async function work(payment: Leased): Promise<void> {
    const { orderId, attempts } = payment;
    const begun = performance.now();
    const answer = await callProvider(provider, payment);
    breaker.count(answer.kind !== "unknown");
    observe.called(answer.kind, (performance.now() - begun) / 1_000);
    fault("payment:called");
    if (answer.kind === "unknown") {
      const fields = { role: "payment", orderId, attempts, why: answer.why };
      if (attempts >= MANY_ATTEMPTS) log.error(fields, "a payment has no answer for long");
      else log.warn(fields, "a payment has no answer yet");
    }
    // An answer is worth more than one try: without it the next worker would have to ask again.
    const result = await persistently(() => settled({ orderId, answer }));
    fault("payment:settled");
    if (result?.open) ticker.wake();
    // What is not told before the process ends is told when the sweeper has the saga ask again: see answers.ts.
    const records = result?.events.map(recordOf) ?? [];
    if (records.length > 0) await persistently(() => producer.sendAll(records));
  }

  /** Again and again until it succeeds; undefined when the process stops before. */
  async function persistently<T>(what: () => Promise<T>): Promise<T | undefined> {
    for (let waitMs = 100; ; waitMs = Math.min(5_000, 2 * waitMs)) {
      try {
        return await what();
      } catch (error) {
        deps.onError(error);
        if (stopping.signal.aborted) return undefined;
        await pause(jittered(waitMs), stopping.signal);
      }
    }
  }

  async function round(signal: AbortSignal): Promise<void> {
    for (;;) {
      const limit = breaker.allowed(places.free(), Date.now());
      hungry = limit === 0 && !breaker.isOpen;
      if (limit === 0 || signal.aborted) return;
      const due = await leasePayments(sql, { owner, forMs, limit });
      for (const row of due) {
        places.take(() =>
          work(leased(row)).catch((error) => {
            log.error({ role: "payment", orderId: row.order_id, ...failureCode(error) }, "a payment's worker failed");
          }),
        );
      }
      if (due.length < limit) return;
    }
  }
  const ticker = startTicker(LOOK_MS, round, deps.onError);

  return {
    wake: ticker.wake,
    busy: places.busy,
    async stop() {
      stopping.abort();
      await ticker.stop();
      await places.empty();
    },
  };
}

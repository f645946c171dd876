import { createFault } from "../../contracts/wire/fault-points.ts";
import type { SecretValue } from "../../contracts/wire/secret.ts";
import type { Database } from "../../db/client.ts";
import type { Role } from "../engine/role.ts";
import { type RunningRole, withBackgroundWork } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import { logFailedRounds } from "../engine/ticker.ts";
import { createHttpProvider } from "./http-provider.ts";
import type { PaymentMetrics } from "./metrics.ts";
import { paymentRole } from "./role.ts";
import { type PaymentWorkers, startWorkers } from "./workers.ts";

export interface PaymentParts extends ConsumingParts {
  readonly config: ConsumingParts["config"] & {
    readonly NODE_ENV: string;
    readonly FAULT_POINT: string;
    readonly PAYMENT_PROVIDER_URL: string;
    readonly PAYMENT_PROVIDER_KEY: SecretValue;
    readonly PAYMENT_TIMEOUT_MS: number;
    readonly PAYMENT_CONCURRENCY: number;
    readonly PAYMENT_RETRY_MS: number;
    readonly PAYMENT_BREAKER_MS: number;
  };
  readonly db: Pick<Database, "sql">;
  readonly metrics: ConsumingParts["metrics"] & PaymentMetrics;
}

/** Role payment. */
export function startPayment(parts: PaymentParts): RunningRole {
  const { role, workers } = composePayment(parts);
  return withBackgroundWork(startConsuming("payment", role, parts), workers);
}

/** Both halves of role payment. Another provider's adapter goes in here: docs/payments.md. */
export function composePayment(parts: PaymentParts): { readonly role: Role; readonly workers: PaymentWorkers } {
  const { config, db, producer, log, metrics } = parts;
  const provider = createHttpProvider({
    url: config.PAYMENT_PROVIDER_URL,
    apiKey: config.PAYMENT_PROVIDER_KEY.reveal(),
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
  });
  const workers = startWorkers({
    sql: db.sql,
    provider,
    producer,
    log,
    owner: crypto.randomUUID(),
    concurrency: config.PAYMENT_CONCURRENCY,
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    retryMs: config.PAYMENT_RETRY_MS,
    breakerMs: config.PAYMENT_BREAKER_MS,
    fault: createFault(config.NODE_ENV, config.FAULT_POINT),
    onError: logFailedRounds(log, "payment"),
    observe: { called: metrics.paymentCalled, breaker: metrics.paymentBreaker, alarm: metrics.paymentAlarm },
  });
  return {
    role: paymentRole({ sql: db.sql, producer, log, wake: workers.wake, alarm: metrics.paymentAlarm }),
    workers,
  };
}

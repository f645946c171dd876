import { createFault } from "../../contracts/wire/fault-points.ts";
import type { Role } from "../engine/role.ts";
import { complainer, type Neighbours } from "../neighbours.ts";
import { createHttpProvider } from "./http-provider.ts";
import { paymentRole } from "./role.ts";
import { startWorkers, type Workers } from "./workers.ts";

/** Both halves of role payment. Another provider's adapter goes in here: docs/payments.md. */
export function startPayment(neighbours: Neighbours): { readonly role: Role; readonly workers: Workers } {
  const { config, db, producer, log, metrics } = neighbours;
  const provider = createHttpProvider({
    url: config.PAYMENT_PROVIDER_URL,
    apiKey: config.PAYMENT_PROVIDER_KEY,
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
    onError: complainer(log, "payment"),
    observe: { called: metrics.paymentCalled, breaker: metrics.paymentBreaker, alarm: metrics.paymentAlarm },
  });
  return {
    role: paymentRole({ sql: db.sql, producer, log, wake: workers.wake, alarm: metrics.paymentAlarm }),
    workers,
  };
}

import type { TransactionSql } from "postgres";
import type { Question } from "./findings.ts";

/** Failed attempts to refund that are a violation. They are about a minute apart by then, so the provider is not only slow. */
const MANY_REFUNDS = 15;

/**
 * Open sagas that should have ended `graceMs` ago, with the steps that they wait for. A compensation never gives up, so it has
 * a separate check: an operator must look at the step that it waits for, and need do nothing about the order.
 */
const overdue = (tx: TransactionSql, graceMs: number): Question => tx`
  SELECT s.order_id, s.status, now() - s.settle_by AS late,
         coalesce((SELECT string_agg(step.key || ' ' || (step.value->>'status'), ', ' ORDER BY step.key)
                   FROM jsonb_each(s.steps) step WHERE step.value ? 'sent'), 'nothing') AS awaited
  FROM stage_sagas s
  WHERE s.due_at IS NOT NULL AND s.settle_by < now() - ${graceMs} * interval '1 millisecond'`;

/** Orders that are neither completed nor cancelled after their time, and those that no sweeper will look at again. */
export const unsettledOrders = (tx: TransactionSql, graceMs: number): Question => tx`
  SELECT 'order ' || order_id AS what,
    format('%s %s s after its time, waits for %s', status, extract(epoch FROM late)::bigint, awaited) AS why
  FROM (${overdue(tx, graceMs)}) o WHERE status NOT IN ('COMPENSATING', 'CANCELLED')
  UNION ALL
  SELECT 'order ' || order_id, format('%s, and no sweeper will look at it', status) FROM stage_sagas
  WHERE due_at IS NULL AND status NOT IN ('COMPLETED', 'CANCELLED') AND placed`;

/** Compensations that don't end, and money that does not go back. */
export const unendingCompensations = (tx: TransactionSql, graceMs: number): Question => tx`
  SELECT 'order ' || order_id AS what,
    format('%s %s s after its time, waits for %s', status, extract(epoch FROM late)::bigint, awaited) AS why
  FROM (${overdue(tx, graceMs)}) o WHERE status IN ('COMPENSATING', 'CANCELLED')
  UNION ALL
  SELECT 'order ' || o.id,
    format('CANCELLED, and %s attempts to return %s have failed%s', p.attempts, p.captured_amount - p.refunded_amount,
           coalesce(': ' || p.failure_reason, ''))
  FROM payments p JOIN stage_orders o ON o.id = p.order_id
  WHERE o.status = 'CANCELLED' AND NOT o.open AND p.status = 'CAPTURED' AND p.return_wanted AND p.attempts >= ${MANY_REFUNDS}`;

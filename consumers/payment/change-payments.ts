import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { Sql } from "../../db/client.ts";
import { changeLockedPayments, type NewPayment, type PaymentRow, type PaymentWrites } from "../../db/payments/rows.ts";
import type { OutcomeRow } from "../../db/steps/outcomes.ts";
import type { Payment } from "./payment.ts";

/** PostgreSQL's text knows no zero byte. What a provider says is for people; nothing is decided by it. */
const MAX_TEXT = 500;
const storable = (text: string | null): string => (text ?? "").replaceAll("\0", "").slice(0, MAX_TEXT);

function paymentOf(row: PaymentRow, said: OutcomeRow | undefined): Payment {
  return {
    orderId: row.orderId as OrderId,
    amount: Number(row.amount) as Money,
    currency: row.currency as Currency,
    token: row.token,
    status: row.status,
    captured: Number(row.capturedAmount) as Money,
    refunded: Number(row.refundedAmount) as Money,
    refundedElsewhere: Number(row.refundedElsewhere) as Money,
    capturedCurrency: capturedIn(row),
    reason: row.failureReason,
    reference: row.providerReference,
    returnWanted: row.returnWanted,
    checkWanted: row.checkWanted,
    attempts: row.attempts,
    leaseOwner: row.leaseOwner,
    dueAt: row.nextAttemptAt?.getTime() ?? 0,
    outcome:
      said === undefined
        ? null
        : {
            outcome: said.outcome,
            reason: said.reason,
            at: said.createdAt.getTime(),
            restoredAt: said.restoredAt?.getTime() ?? null,
          },
  };
}

/** A capture that the version before wrote has no currency: that version looked at the one that was asked for alone. */
const capturedIn = (row: PaymentRow): Currency | null =>
  row.capturedAmount === "0" ? null : ((row.capturedCurrency ?? row.currency) as Currency);

export interface Changed {
  readonly before: Payment;
  readonly after: Payment;
}

/**
 * Changes payments: in a transaction, each new one is inserted, all are locked, `evolve` says what each becomes, and what differs
 * is written. Returns them by order; an order without a payment is not among them.
 * @throws the driver's error: nothing was written
 */
export async function changePayments(
  sql: Sql,
  orderIds: readonly OrderId[],
  evolve: (payment: Payment, now: number) => Payment,
  fresh: readonly NewPayment[] = [],
): Promise<ReadonlyMap<OrderId, Changed>> {
  const changes = new Map<OrderId, Changed>();
  if (orderIds.length === 0) return changes;
  await changeLockedPayments(sql, orderIds, fresh, (rows, outcomes) => {
    changes.clear();
    const said = new Map(outcomes.map((outcome) => [outcome.orderId, outcome]));
    for (const row of rows) {
      const before = paymentOf(row, said.get(row.orderId as OrderId));
      changes.set(before.orderId, { before, after: evolve(before, row.now.getTime()) });
    }
    return writesOf([...changes.values()].filter(({ before, after }) => before !== after));
  });
  return changes;
}

function writesOf(different: readonly Changed[]): PaymentWrites {
  return {
    changes: different.map(({ after }) => ({
      ...after,
      reason: storable(after.reason),
      reference: storable(after.reference),
      capturedCurrency: after.capturedCurrency ?? "",
      leased: after.leaseOwner !== null,
    })),
    outcomes: different.flatMap(({ before, after: { orderId, outcome } }) =>
      outcome === null || outcome === before.outcome
        ? []
        : [{ ...outcome, orderId, reason: outcome.reason ?? "", restoredAt: outcome.restoredAt ?? 0 }],
    ),
  };
}

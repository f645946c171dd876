import type { OrderId } from "../../contracts/orders/ids.ts";
import type { StepOutcome } from "../../contracts/orders/steps.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";

/** What `step_outcomes` says of an order's PAYMENT. Times in milliseconds since 1970. */
export interface PaymentOutcome {
  readonly outcome: StepOutcome;
  readonly reason: ResultCode | null;
  readonly at: number;
  /** When the money was back. */
  readonly restoredAt: number | null;
}

/**
 * An order's payment: a row of `payments` and its outcome. The row says what is to be done, the outcome what was
 * answered to the saga. Both change only under the row's lock.
 */
export interface Payment {
  readonly orderId: OrderId;
  readonly amount: Money;
  readonly currency: Currency;
  readonly token: string;
  /** INTENT: the provider may or may not know of it. All others are what the provider said. */
  readonly status: "INTENT" | "CAPTURED" | "DECLINED" | "VOIDED" | "REFUNDED";
  readonly captured: Money;
  readonly refunded: Money;
  /** Of `refunded`: what went back at the provider's own desk while we meant to keep it. */
  readonly refundedElsewhere: Money;
  /** In which the provider captured; null: nothing is captured. */
  readonly capturedCurrency: Currency | null;
  /** The provider's words for a decline, or why a person should look at it. */
  readonly reason: string | null;
  readonly reference: string | null;
  /** No capture may stay. */
  readonly returnWanted: boolean;
  /** The provider reported something that the row does not say: it is asked what is true. */
  readonly checkWanted: boolean;
  /** Leases that were taken for what is due now. 0 of an INTENT: the provider was never called. */
  readonly attempts: number;
  readonly leaseOwner: string | null;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  readonly outcome: PaymentOutcome | null;
}

/** Whether a worker has something to do for it; the index `payments_with_work` holds exactly these. */
export const isOpen = ({ status, returnWanted, checkWanted }: Payment): boolean =>
  status === "INTENT" || (status === "CAPTURED" && returnWanted) || checkWanted;

/** The provider captured what was asked for, and keeps all of it. */
export const isPaid = ({ amount, currency, captured, refunded, capturedCurrency }: Payment): boolean =>
  captured === amount && refunded === 0 && capturedCurrency === currency;

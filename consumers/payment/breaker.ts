import { Breaker } from "../engine/breaker.ts";

/** Calls are the last calls of users: see below. */
const RULE = { window: 10, minimum: 5, opens: (failures: number, calls: number) => failures >= calls / 2 };

/**
 * Opens when half of the calls have no answer. While it is open, one call every `openMs` tries, and the first answer closes
 * it. Payments wait in their table meanwhile; no order fails for it.
 * Calls are counted by user: the window holds the last call of each of the last ten users, so one customer's odd payments are one call,
 * however many they are: docs/decisions/0063-one-users-payments.md.
 */
export class PaymentBreaker extends Breaker {
  constructor(openMs: number, onChange: (open: boolean) => void) {
    super({ ...RULE, openMs }, onChange);
  }

  /**
   * For the try that was just allowed while the breaker is open: prefer a payment that was never tried, of a user who is not among
   * these. null: take the payment that waits longest. The two take turns, so that neither odd payments nor old ones are all that is
   * tried.
   */
  avoid(): readonly string[] | null {
    return this.isOpen && this.tries % 2 === 1 ? this.failing() : null;
  }
}

import type { ResultEvent } from "../../contracts/step-events.ts";
import type { Sql } from "../../db/client.ts";
import { jittered } from "../pause.ts";
import { news } from "./answers.ts";
import { backOff } from "./back-off.ts";
import { changePayments } from "./change-payments.ts";
import { learn, tryLater } from "./evolve.ts";
import { isOpen, type Payment } from "./payment.ts";
import type { Answer } from "./provider.ts";

export interface SettleDeps {
  readonly sql: Sql;
  /** Of the leases. Whose lease ran out and was given to another is not listened to any more. */
  readonly owner: string;
  readonly retryMs: number;
}

/** A payment with what the provider said of it. */
export interface Called {
  readonly orderId: Payment["orderId"];
  readonly answer: Answer;
}

export interface Settled {
  /** To be told to the saga now. */
  readonly events: readonly ResultEvent[];
  /** There is more to do for it: another call. */
  readonly open: boolean;
}

/**
 * Commits what the provider said of some payments; one result for each, in the order given.
 * @throws the database's error: nothing was written
 */
export async function settle(
  { sql, owner, retryMs }: SettleDeps,
  called: readonly Called[],
): Promise<readonly Settled[]> {
  const answers = new Map(called.map(({ orderId, answer }) => [orderId, answer]));
  const changes = await changePayments(sql, [...answers.keys()], (payment, now) => {
    if (payment.leaseOwner !== owner) return payment;
    const answer = answers.get(payment.orderId)!;
    if (answer.kind === "not-found" || answer.kind === "unknown") {
      return tryLater(payment, jittered(backOff(payment.attempts, retryMs)), now);
    }
    return learn(payment, answer, now);
  });
  return called.map(({ orderId }) => {
    const change = changes.get(orderId);
    if (change === undefined) return { events: [], open: false };
    return { events: news(change.before, change.after), open: isOpen(change.after) };
  });
}

import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import type { Sql } from "../../db/client.ts";
import { bisect } from "../engine/bisect.ts";
import { failureCode, failureKind } from "../engine/failure.ts";
import { jittered } from "../engine/pause.ts";
import { type Alarm, alarmsOf } from "./alarms.ts";
import { news } from "./answers.ts";
import { backOff } from "./back-off.ts";
import { changePayments } from "./change-payments.ts";
import { learn, notFound, tryLater } from "./evolve.ts";
import { isOpen, type Payment } from "./payment.ts";
import type { ProviderAnswer } from "./provider.ts";

export interface SettleDeps {
  readonly sql: Sql;
  /** Of the leases. Whose lease ran out and was given to another is not listened to any more. */
  readonly owner: string;
  readonly retryMs: number;
}

/** A payment with what the provider said of it. */
export interface Called {
  readonly orderId: Payment["orderId"];
  readonly answer: ProviderAnswer;
}

export interface SettledPayment {
  /** To be told to the saga now. */
  readonly events: readonly ResultEvent[];
  /** There is more to do for it: another call. */
  readonly open: boolean;
  readonly alarms: readonly Alarm[];
}
/** Nothing was written for this one. */
export interface Unsettled {
  readonly error: unknown;
}

/**
 * Commits what the provider said of some payments; one result for each, in the order given. An answer that the database
 * refuses is found by halving the batch: the others are settled, and its payment is asked for again later.
 */
export async function commitAnswers(
  deps: SettleDeps,
  called: readonly Called[],
): Promise<readonly (SettledPayment | Unsettled)[]> {
  type Results = readonly (SettledPayment | Unsettled)[];
  const parts = await bisect<Called, Results>(
    called,
    (part) => commit(deps, part),
    async (part, error) =>
      failureKind(error) === "permanent" ? [await putOff(deps, part[0]!, error)] : part.map(() => ({ error })),
  );
  return parts.flat();
}

/** @throws the database's error: nothing was written */
async function commit(
  { sql, owner, retryMs }: SettleDeps,
  called: readonly Called[],
): Promise<readonly SettledPayment[]> {
  const answers = new Map(called.map(({ orderId, answer }) => [orderId, answer]));
  const changes = await changePayments(sql, [...answers.keys()], (payment, now) => {
    if (payment.leaseOwner !== owner) return payment;
    const answer = answers.get(payment.orderId)!;
    if (answer.kind !== "not-found" && answer.kind !== "unknown") return learn(payment, answer, now);
    const waitMs = jittered(backOff(payment.attempts, retryMs));
    if (answer.kind === "not-found") return notFound(payment, waitMs, now);
    const why = answer.alarm ? answer.why : null;
    return tryLater(payment, Math.max(waitMs, answer.waitMs ?? 0), now, why);
  });
  return called.map(({ orderId, answer }) => {
    const change = changes.get(orderId);
    if (change === undefined || change.before === change.after) return { events: [], open: false, alarms: [] };
    const { before, after } = change;
    return { events: news(before, after), open: isOpen(after), alarms: alarmsOf(before, after, answer) };
  });
}

/** An answer that PostgreSQL refuses: the payment is asked for again later, and an operator must look at it. */
async function putOff({ sql, owner, retryMs }: SettleDeps, { orderId }: Called, error: unknown) {
  const { code, message } = failureCode(error);
  const why = `the database refuses the provider's answer: ${code} ${message}`;
  try {
    await changePayments(sql, [orderId], (payment, now) =>
      payment.leaseOwner === owner
        ? tryLater(payment, jittered(backOff(payment.attempts, retryMs)), now, why)
        : payment,
    );
    return { events: [], open: true, alarms: [{ kind: "NOT_STORED" as const, why }] };
  } catch (failure) {
    return { error: failure };
  }
}

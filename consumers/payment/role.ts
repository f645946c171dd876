import { recordOf } from "../../contracts/event-topics.ts";
import { groupOf } from "../../contracts/groups.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import type { Sql } from "../../db/client.ts";
import type { NewPayment } from "../../db/payments/rows.ts";
import type { Producer } from "../../kafka/kafka.ts";
import type { Log } from "../engine/log.ts";
import { readBatch } from "../engine/read-batch.ts";
import { ORDER_PACE_MS, type Role } from "../engine/role.ts";
import type { AlarmKind } from "./alarms.ts";
import { answerToCommand, answerToRestore } from "./answers.ts";
import { type Changed, changePayments } from "./change-payments.ts";
import { fail, hear, wantReturn } from "./evolve.ts";
import { type PaymentMessage, parseMessage, type Unreadable, unreadableOf } from "./parse-message.ts";
import { isOpen } from "./payment.ts";

export interface PaymentDesk {
  readonly sql: Sql;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  /** There is something for the workers. */
  readonly wake: () => void;
  /** A person should look at a payment. */
  readonly alarm: (kind: AlarmKind) => void;
}

/**
 * Role payment, its half at the log: writes down what is wanted and answers what is settled. It never calls the
 * provider, so a slow provider holds no partition up; the workers (workers.ts) find in the table what to call for.
 */
export function paymentRole({ sql, producer, log, wake, alarm }: PaymentDesk): Role {
  return {
    name: "payment",
    ...groupOf("payment"),
    // A database that is away must not fail an order: the role waits for it.
    patience: "wait",
    maxBatch: 500,
    lingerMs: 0,
    paceMs: ORDER_PACE_MS,
    concurrency: 1,
    async handle(records) {
      const { messages, rejected } = readBatch<Message>(records, parseMessage, unreadableOf);
      const byOrder = groupByOrder(messages);
      const orderIds = [...byOrder.keys()];
      const fresh = [...byOrder.values()].flatMap(newPayment);
      const changed = await changePayments(
        sql,
        orderIds,
        (payment, now) =>
          byOrder.get(payment.orderId)!.reduce((so, message) => {
            if (message.type === "PaymentRestoreRequested") return wantReturn(so, now);
            if (message.type === "Unreadable") return fail(so, now);
            return message.type === "PaymentReported" ? hear(so, message.data, now) : so;
          }, payment),
        fresh,
      );
      for (const orderId of orderIds) {
        // The payment is another system's, or our row was lost: nothing here says that we may refund it.
        if (changed.has(orderId)) continue;
        alarm("UNKNOWN_PAYMENT");
        log.error({ role: "payment", orderId, alarm: "UNKNOWN_PAYMENT" }, "the provider reported an unknown payment");
      }
      if ([...changed.values()].some(({ after }) => isOpen(after))) wake();
      const answers = [...changed].flatMap(([orderId, change]) => answersTo(byOrder.get(orderId)!, change));
      if (answers.length > 0) await producer.sendAll(answers.map(recordOf));
      return rejected;
    },
  };
}

type Message = PaymentMessage | Unreadable;
const NO_TERMS = { amount: 0, currency: "EUR", token: "" };

/** A batch's messages by order, each order's in the order of the log. */
function groupByOrder(messages: readonly Message[]): ReadonlyMap<OrderId, readonly Message[]> {
  const byOrder = new Map<OrderId, Message[]>();
  for (const message of messages) {
    const { orderId } = message.data;
    const known = byOrder.get(orderId);
    if (known === undefined) byOrder.set(orderId, [message]);
    else known.push(message);
  }
  return byOrder;
}

/** The row that an order's messages begin with, if there is none yet. A provider's report begins none. */
function newPayment(messages: readonly Message[]): NewPayment[] {
  const first = messages.find(({ type }) => type !== "PaymentReported");
  if (first?.type === "PaymentRequested") {
    const { orderId, userId, amount, currency, token } = first.data;
    // No provider gives a token with a zero byte, which PostgreSQL could not store; without it, it will be declined.
    return [{ orderId, userId, amount, currency, token: token.replaceAll("\0", ""), status: "INTENT" }];
  }
  if (first?.type === "PaymentRestoreRequested") {
    return [{ ...first.data, ...NO_TERMS, status: "VOIDED" }];
  }
  if (first?.type === "Unreadable") return [{ ...first.data, ...NO_TERMS, userId: "", status: "DECLINED" }];
  return [];
}

/** What a batch answers for an order: its command's and its restore's answers, each once. */
function answersTo(messages: readonly Message[], { after }: Changed): ResultEvent[] {
  const asked = new Set(messages.map(({ type }) => type));
  const answers = [
    asked.has("PaymentRequested") || asked.has("Unreadable") ? answerToCommand(after) : null,
    asked.has("PaymentRestoreRequested") ? answerToRestore(after) : null,
  ].filter((answer) => answer !== null);
  return answers.filter((answer, i) => answers.findIndex(({ eventId }) => eventId === answer.eventId) === i);
}

import type { Step } from "../../contracts/orders/steps.ts";
import type { Topic } from "../../contracts/topics.ts";
import { readTraceparent } from "../../contracts/wire/traceparent.ts";
import type { Sql } from "../../db/client.ts";
import { parkCommands } from "../../db/steps/parked.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { eventIdOf } from "../engine/dead-letter-record.ts";
import { jittered } from "../engine/pause.ts";
import type { StepCommand } from "./request.ts";

/** How often a command was parked already; it comes back with its next copy. */
export const PARKED_HEADER = "parked";

/** BREAKER_OPEN: the step's batches keep failing. NOT_THERE_YET: what it needs is still on its way. */
export type ParkedFor = "BREAKER_OPEN" | "NOT_THERE_YET";

const FIRST_MS = 100;
const LONGEST_MS = 30_000;
const decoder = new TextDecoder();

/** 0.1 s, twice as long each time, at most 30 s. */
export const delayMs = (attempts: number): number => Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 16));

const parkedBefore = ({ headers }: IncomingRecord): number => {
  const count = Number(decoder.decode(headers[PARKED_HEADER]));
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
};

/** The headers as texts. PostgreSQL stores no NUL, and a trace that is none must not travel on. */
function storableHeaders({ headers }: IncomingRecord): Record<string, string> {
  const texts = Object.entries(headers).map(([name, value]) => [name, decoder.decode(value)] as const);
  const isFine = ([name, text]: readonly [string, string]) =>
    !name.includes("\0") && !text.includes("\0") && (name !== "traceparent" || readTraceparent(text) !== undefined);
  return Object.fromEntries(texts.filter(isFine));
}

/** Puts requests aside, to be sent again by role delayed-commands. No order fails because a service is late. */
export async function park(
  sql: Sql,
  step: Step,
  requests: readonly Pick<StepCommand<Step>, "orderId" | "record">[],
  reason: ParkedFor,
  atLeastMs = 0,
): Promise<void> {
  // A batch may hold two copies of a command: one statement can touch a row only once.
  const parked = new Map(
    requests.map(({ orderId, record }) => {
      const attempts = parkedBefore(record);
      const command = {
        eventId: eventIdOf(record),
        orderId,
        step,
        topic: record.topic as Topic,
        key: record.key === null ? null : decoder.decode(record.key),
        value: decoder.decode(record.value ?? new Uint8Array()),
        headers: storableHeaders(record),
        reason,
        attempts,
        delayMs: Math.round(jittered(Math.max(atLeastMs, delayMs(attempts)))),
      };
      return [command.eventId, command];
    }),
  );
  await parkCommands(sql, [...parked.values()]);
}

import { shortDuration } from "../contracts/wire/durations.ts";
import type { Executor } from "../db/client.ts";
import type { CheckResult } from "./check.ts";

interface LetterRow {
  readonly name: string;
  readonly status: "PENDING" | "EXHAUSTED";
  /** Milliseconds until it is sent again; negative: that is past. */
  readonly dueInMs: number;
  readonly total: number;
}

/** Letters read of each kind; the others are only counted. */
const SHOWN = 10;

/**
 * Each letter is an effect that did not happen. A letter that was given up is a violation until an operator retries or discards
 * it. A letter that will be sent again is only mentioned, unless it is overdue by `stuckMs` (null: no consumer runs to send it).
 * Asked about one sale, only letters that name it count (values are bytes, because a poison record need not be text).
 */
export async function checkDeadLetters(
  sql: Executor,
  couponId: string | null,
  stuckMs: number | null,
): Promise<CheckResult[]> {
  const rows = await sql<LetterRow[]>`
    SELECT name, status, "dueInMs", total FROM (
      SELECT event_id || ' on ' || topic AS name, status,
        (extract(epoch FROM coalesce(next_attempt_at, updated_at) - now()) * 1000)::float8 AS "dueInMs",
        count(*) OVER (PARTITION BY status)::int AS total,
        row_number() OVER (PARTITION BY status ORDER BY coalesce(next_attempt_at, updated_at), id) AS place
      FROM dead_letters
      WHERE status IN ('PENDING', 'EXHAUSTED')
        AND (${couponId}::text IS NULL OR position(convert_to(${couponId ?? ""}, 'UTF8') IN value) > 0
          OR starts_with(event_id, ${`${couponId}-`}))
    ) letters
    WHERE place <= ${SHOWN} ORDER BY place`;
  const exhausted = rows.filter(({ status }) => status === "EXHAUSTED");
  const pending = rows.filter(({ status }) => status === "PENDING");
  const late = stuckMs === null ? [] : pending.filter(({ dueInMs }) => dueInMs < -stuckMs);
  const given = exhausted[0]?.total ?? 0;
  const waiting = pending[0]?.total ?? 0;
  return [
    {
      name: "no-dead-letters",
      violations: exhausted.map(({ name }) => name),
      more: given - exhausted.length,
      examined: given,
    },
    {
      name: "dead-letters-move",
      violations: late.map(({ name, dueInMs }) => `${name}: due ${shortDuration(-dueInMs)} ago`),
      examined: waiting,
      note: waiting === 0 || late.length > 0 ? undefined : noteOf(waiting, pending[0]!.dueInMs, stuckMs),
    },
  ];
}

function noteOf(waiting: number, nextInMs: number, stuckMs: number | null): string {
  const who = waiting === 1 ? "1 dead letter waits" : `${waiting} dead letters wait`;
  if (stuckMs === null) return `${who} to be sent again; no consumers are running`;
  return `${who} to be sent again, the next in ${shortDuration(nextInMs)}`;
}

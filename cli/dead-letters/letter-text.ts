import type { DeadLetter, DeadLetterDetail } from "../../contracts/wire/dead-letters.ts";
import { shortDuration } from "../../contracts/wire/durations.ts";
import { printable } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";

/** Of a message in a list. */
const SHORT = 60;

const attempts = (count: number) => (count === 1 ? "1 attempt" : `${count} attempts`);

/** What a letter waits for, or what became of it. */
export function stateText({ status, attempts: made, nextAttemptAt }: DeadLetter, nowMs: number): string {
  switch (status) {
    case "PENDING": {
      const inMs = nextAttemptAt === null ? 0 : Date.parse(nextAttemptAt) - nowMs;
      const when = inMs > 0 ? `sent again in ${shortDuration(inMs)}` : "due to be sent again";
      return `PENDING after ${attempts(made)}, ${when}`;
    }
    case "REPUBLISHED":
      return `REPUBLISHED: attempt ${made} has not come back`;
    case "EXHAUSTED":
      return `EXHAUSTED after ${attempts(made)}: retry or discard it`;
    case "DISCARDED":
      return "DISCARDED: it is never sent again";
  }
}

/** Letters, a line each. */
export function lettersTable(letters: readonly DeadLetter[], nowMs: number): string {
  const rows = letters.map((letter) => {
    const why = `${letter.errorCode}: ${letter.errorMessage}`.replace(/\s+/g, " ");
    const short = why.length > SHORT ? `${why.slice(0, SHORT - 1)}…` : why;
    const cells = [letter.id, letter.status, String(letter.attempts), letter.topic, letter.eventId, short];
    return [...cells, shortDuration(nowMs - Date.parse(letter.createdAt))].map(printable);
  });
  return table(["letter", "status", "tried", "topic", "event", "why", "age"], rows);
}

/** One letter with all that is known of it. */
export function letterText(letter: DeadLetterDetail, nowMs: number): string {
  const facts = [
    ["letter", `${letter.id}, ${stateText(letter, nowMs)}`],
    ["event", letter.eventId],
    ["topic", `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`],
    ["key", letter.key ?? "none"],
    ["why", `${letter.errorCode}: ${letter.errorMessage}`],
    ["since", letter.createdAt],
    ...letter.actions.map(({ action, actor, at, why }) => [
      action.replace("dead-letter.", ""),
      `by ${actor} at ${at}${why === undefined ? "" : `: ${why}`}`,
    ]),
  ];
  const lines = facts.map(([name, text]) => `${name!.padEnd(10)} ${printable(text!)}`);
  return [...lines, "", printable(valueText(letter.value))].join("\n");
}

/** JSON is indented; what is none is shown as it is. */
function valueText(value: string | null): string {
  if (value === null) return "(no value)";
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

import { InvalidArgumentError } from "commander";
import { parseDateTime } from "../../contracts/wire/date-time.ts";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Date, time, zone: the time may be left out, and a zone's colon, and the zone. */
const WRITTEN = /^(\d{4}-\d{2}-\d{2})(?:(T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?:Z|([+-]\d{2}):?(\d{2}))?)?$/;
const SPAN = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$/;

/** `90s`, `15m`, `24h`, `7d` in milliseconds. @throws InvalidArgumentError */
export function parseSpan(text: string): number {
  const [, amount, unit] = SPAN.exec(text.trim()) ?? [];
  if (!amount) throw new InvalidArgumentError("Write a span like 30s, 15m, 24h or 7d.");
  return Math.round(Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
}

/** A moment: `now`, `+3s`, `-1h` (from `nowMs`), or ISO 8601 with a zone or as UTC. @throws InvalidArgumentError */
export function parseTime(text: string, nowMs: number = Date.now()): Date {
  const trimmed = text.trim();
  if (trimmed === "now") return new Date(nowMs);
  if (/^[+-]/.test(trimmed)) return new Date(nowMs + parseSpan(trimmed.slice(1)) * (trimmed[0] === "-" ? -1 : 1));
  const [, date, time, hours, minutes] = WRITTEN.exec(trimmed) ?? [];
  // Without a zone it means UTC, as all of Stampede's times do, and not this machine's zone.
  const zone = hours === undefined ? "Z" : `${hours}:${minutes}`;
  const at = date === undefined ? null : parseDateTime(`${date}${time ?? "T00:00"}${zone}`);
  if (at === null) {
    throw new InvalidArgumentError("Write now, +3s, +2h or an ISO time that exists, like 2027-01-01T12:00:00Z.");
  }
  return new Date(at);
}

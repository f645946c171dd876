import { InvalidArgumentError } from "commander";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
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
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
  // Without a zone it means UTC, as all of Stampede's times do, and not this machine's zone.
  const zoned = /T/.test(trimmed) && !/(Z|[+-]\d{2}:?\d{2})$/.test(trimmed) ? `${trimmed}Z` : trimmed;
  const at = iso.test(trimmed) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError("Write now, +3s, +2h or an ISO time like 2027-01-01T12:00:00Z.");
  return new Date(at);
}

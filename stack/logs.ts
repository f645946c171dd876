import { closeSync, openSync, readSync, statSync } from "node:fs";

const POLL_MS = 200;
/** How much of a log is shown before following it. */
const TAIL_BYTES = 64 * 1024;

const LEVELS: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};
/** Fields that every line has and that a reader does not need. */
const NOISE: ReadonlySet<string> = new Set(["level", "time", "msg", "pid", "hostname", "v"]);

/** A pino line for people: `12:00:01.123 INFO  text key=value`; anything else as it is. */
export function plainLine(line: string): string {
  if (!line.startsWith("{")) return line;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const time = typeof entry.time === "number" || typeof entry.time === "string" ? new Date(entry.time) : null;
  const clock = time && !Number.isNaN(time.getTime()) ? `${time.toISOString().slice(11, 23)} ` : "";
  const level =
    typeof entry.level === "number" ? (LEVELS[entry.level] ?? String(entry.level)) : String(entry.level ?? "");
  const rest = Object.entries(entry).filter(([name]) => !NOISE.has(name));
  const members = rest.map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${clock}${level.toUpperCase().padEnd(5)} ${entry.msg ?? ""}${members.join("")}`;
}

/** Reads the whole lines that a growing file gains. A file that shrank is read from its beginning (it was begun anew). */
export function lineReader(file: string, fromEnd: number = TAIL_BYTES): () => string[] {
  let offset = -1;
  let rest = "";
  return () => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    let cut = false;
    if (offset < 0) {
      offset = Math.max(0, size - fromEnd);
      cut = offset > 0;
    }
    if (size < offset) offset = 0;
    if (size === offset) return [];
    const buffer = Buffer.alloc(size - offset);
    const fd = openSync(file, "r");
    try {
      offset += readSync(fd, buffer, 0, buffer.length, offset);
    } finally {
      closeSync(fd);
    }
    const lines = (rest + buffer.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    return cut ? lines.slice(1) : lines;
  };
}

/** Prints the ends of logs, and goes on as they grow if `follow`. Lines carry the service's name when there are several. */
export async function showLogs(
  logs: readonly { readonly name: string; readonly file: string }[],
  options: { follow: boolean; lines: number; signal: AbortSignal; write: (line: string) => void },
): Promise<void> {
  const width = Math.max(...logs.map(({ name }) => name.length));
  const readers = logs.map(({ name, file }) => ({ name, next: lineReader(file) }));
  const prefix = (name: string) => (logs.length > 1 ? `${name.padEnd(width)} | ` : "");
  for (const { name, next } of readers) {
    for (const line of next().slice(-options.lines)) options.write(prefix(name) + plainLine(line));
  }
  while (options.follow && !options.signal.aborted) {
    for (const { name, next } of readers) for (const line of next()) options.write(prefix(name) + plainLine(line));
    await Bun.sleep(POLL_MS);
  }
}

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { openPostgres } from "../db/connect.ts";
import { addressesOf } from "./ready.ts";
import type { StackContext } from "./service.ts";
import type { ServiceName } from "./service-names.ts";

/** What a service says that lives and reads its data before it serves. */
export interface Startup {
  /** For people: `loading its data, 45 %`. */
  readonly doing: string;
  /** Another text means that it got on. null: it does not say how far it is. */
  readonly mark: string | null;
}

const ASK_MS = 2_000;
/** Enough of the end of a log for the last word on progress. */
const TAIL_BYTES = 64 * 1024;

/** What a starting service is doing; null: nothing that it tells, or it is ready. Never throws. */
export async function startupOf(
  service: ServiceName,
  { env, layout }: Pick<StackContext, "env" | "layout">,
  logFrom: number | undefined,
): Promise<Startup | null> {
  const log = () => (logFrom === undefined ? "" : tailOf(layout.logOf(service), logFrom));
  switch (service) {
    case "redis":
      return redisStartup(env.REDIS_URL);
    case "postgres":
      return postgresStartup(env.DATABASE_URL, log());
    case "kafka":
      return kafkaStartup(log());
    default:
      return null; // our own processes read nothing before they serve
  }
}

async function redisStartup(url: string): Promise<Startup | null> {
  const found = await Promise.all(addressesOf(url).map(loadingOf));
  const loading = found.filter((one) => one !== null);
  if (loading.length === 0) return null;
  const sum = (what: "loaded" | "total") => loading.reduce((bytes, one) => bytes + one[what], 0);
  const [loaded, total] = [sum("loaded"), sum("total")];
  const share = total > 0 ? `, ${Math.floor((100 * loaded) / total)} %` : "";
  return { doing: `loading its data${share}`, mark: `${loading.length} ${loaded}` };
}

/** Bytes that one Redis has loaded, and has to; null: it is not loading, or does not answer. */
async function loadingOf(address: string): Promise<{ readonly loaded: number; readonly total: number } | null> {
  const client = new Bun.RedisClient(address, { connectionTimeout: ASK_MS, autoReconnect: false });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), ASK_MS);
    });
    const info = String(await Promise.race([client.send("INFO", ["persistence"]), late]));
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
    if (field("loading") !== 1) return null;
    return { loaded: field("loading_loaded_bytes"), total: field("loading_total_bytes") };
  } catch {
    return null; // it does not listen yet, or another program has its port
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

/** SQLSTATE "cannot connect now": starting up, shutting down or in recovery. */
const CANNOT_CONNECT_NOW = "57P03";

async function postgresStartup(url: string, log: string): Promise<Startup | null> {
  const sql = openPostgres(url, { max: 1, connect_timeout: ASK_MS / 1_000, onnotice: () => {}, fetch_types: false });
  try {
    const [row] = await sql`SELECT pg_is_in_recovery() AS standby`;
    return row?.standby ? { doing: "a standby in recovery, which takes no writes", mark: null } : null;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === CANNOT_CONNECT_NOW ? postgresProgress(message, log) : null;
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/**
 * Only the log says what PostgreSQL replays or flushes, once every `log_startup_progress_interval`. The elapsed time in these
 * lines grows even when the start hangs, so only a new place (an LSN or a path) counts as progress. Refused connections are
 * lines of the log too.
 */
export function postgresProgress(message: string, log: string): Startup {
  const steps = [...log.matchAll(/LOG: +(.*?), elapsed time: [\d.]+ s(?:, current (?:LSN|path): (\S+))?/g)];
  const last = steps.at(-1);
  if (last === undefined) return { doing: message, mark: null };
  return { doing: `${last[1]}${last[2] ? `, at ${last[2]}` : ""}`, mark: `${last[1]} ${last[2] ?? ""}` };
}

/** A broker loads each partition's log, and checks those whole that it had not closed (`3/170 completed`). */
export function kafkaStartup(log: string): Startup | null {
  const lines = log.split("\n").filter((line) => /\(LogManager\)|\(LogLoader\)/.test(line));
  const last = lines.at(-1);
  if (last === undefined) return null;
  const done = [...log.matchAll(/\((\d+)\/(\d+) completed in /g)].at(-1);
  const what = done === undefined ? "reading its logs" : `reading its logs, ${done[1]} of ${done[2]} partitions`;
  return { doing: what, mark: last };
}

function tailOf(file: string, from: number): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const begin = Math.max(Math.min(from, size), size - TAIL_BYTES);
  const buffer = Buffer.alloc(size - begin);
  if (buffer.length === 0) return "";
  const fd = openSync(file, "r");
  try {
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, begin));
  } finally {
    closeSync(fd);
  }
}

import type { Logger } from "pino";
import { StampedeError } from "../contracts/errors.ts";

const QUIET_MS = 1_000;

/** The text by which errors count as the same. Never the whole message: drivers put values into it. */
function kindOf(error: unknown): string {
  if (error instanceof StampedeError) return error.code;
  if (error instanceof Error)
    return `${error.name}:${(error as { code?: unknown }).code ?? error.message.slice(0, 60)}`;
  return String(error).slice(0, 60);
}

/** What of an error may stand in a log: no parameters of statements, no request headers. */
function loggable(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  const message = error.name === "DrizzleQueryError" ? "a statement failed" : error.message;
  return { name: error.name, code, message, cause, stack: error instanceof StampedeError ? undefined : error.stack };
}

/** Logs each kind of error at most once a second and counts the rest: a dead Redis must not fill a disk. */
export function createErrorLog(log: Logger): (error: unknown) => void {
  const seen = new Map<string, { at: number; suppressed: number }>();
  return (error) => {
    const kind = kindOf(error);
    const now = Date.now();
    const last = seen.get(kind);
    if (last !== undefined && now - last.at < QUIET_MS) {
      last.suppressed++;
      return;
    }
    if (seen.size > 1_000) seen.clear();
    seen.set(kind, { at: now, suppressed: 0 });
    log.warn({ error: loggable(error), suppressed: last?.suppressed ?? 0 }, "something failed");
  };
}

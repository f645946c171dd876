import type { Logger } from "pino";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { loggable } from "../../db/loggable-error.ts";

const QUIET_MS = 1_000;

/** The text by which errors count as equal. Not the whole message, because drivers put values into it. */
function kindOf(error: unknown): string {
  if (error instanceof StampedeError) return error.code;
  if (error instanceof Error)
    return `${error.name}:${(error as { code?: unknown }).code ?? error.message.slice(0, 60)}`;
  return String(error).slice(0, 60);
}

/** The error for a log line. The code of a StampedeError says where it comes from; its cause says why. */
function fieldsOf(error: unknown): object {
  const { name, code, message, frames } = loggable(error);
  const cause = error instanceof Error && error.cause instanceof Error ? loggable(error.cause).message : undefined;
  return { name, code, message, cause, stack: error instanceof StampedeError ? undefined : frames };
}

/** @param where the call in which it happened, for the log line */
export type LogError = (error: unknown, where?: { readonly requestId: string; readonly operationId: string }) => void;

/** Logs each kind of error at most once a second and counts the others: a dead Redis must not fill a disk. */
export function createErrorLog(log: Logger): LogError {
  const seen = new Map<string, { at: number; suppressed: number }>();
  return (error, where) => {
    if (error instanceof StampedeError && error.code === "DATABASE_UNAVAILABLE") return; // databaseCalls has told its cause
    const kind = kindOf(error);
    const now = performance.now();
    const last = seen.get(kind);
    if (last !== undefined && now - last.at < QUIET_MS) {
      last.suppressed++;
      return;
    }
    if (seen.size > 1_000) seen.clear();
    seen.set(kind, { at: now, suppressed: 0 });
    log.warn({ ...where, error: fieldsOf(error), suppressed: last?.suppressed ?? 0 }, "something failed");
  };
}

import { StampedeError } from "../contracts/wire/errors.ts";

/** Error replies of a server that is up but cannot serve now; the same command may succeed later. */
const AWAY =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|NOREPLICAS|MISCONF|BUSY|NOAUTH|WRONGPASS|NOPERM|UNKILLABLE)\b/;

/** A bug in a program, not a failure of a connection. */
const MISTAKES: ReadonlySet<string> = new Set(["TypeError", "ReferenceError", "RangeError", "SyntaxError"]);

/** The server does not know this script: after a restart, a failover or SCRIPT FLUSH. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/**
 * The error of a failed command: REDIS_UNAVAILABLE (no connection, starting, failing over, no answer in time; the outcome of a
 * command that was sent is unknown), OVERLOADED (maxmemory), INTERNAL (a command that can never work).
 */
export function redisFailure(error: unknown): StampedeError {
  if (error instanceof StampedeError) return error;
  if (!(error instanceof Error)) return new StampedeError("INTERNAL", String(error));
  const away = error.name === "ReplyError" ? AWAY.test(error.message) : !MISTAKES.has(error.name);
  if (away) return new StampedeError("REDIS_UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  if (error.message.startsWith("OOM"))
    return new StampedeError("OVERLOADED", "Redis is full", { cause: error, retryAfterS: 1 });
  return new StampedeError("INTERNAL", error.message, { cause: error });
}

/** For `.catch` behind a command. @throws StampedeError always */
export function rethrow(error: unknown): never {
  throw redisFailure(error);
}

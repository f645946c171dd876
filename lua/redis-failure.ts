import { StampedeError } from "../contracts/errors.ts";

/** Error replies of a server that is up but cannot serve now; the same command may succeed later. */
const AWAY =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|NOREPLICAS|MISCONF|BUSY|NOAUTH|WRONGPASS|NOPERM|UNKILLABLE)\b/;

const isReply = (error: Error) => error.name === "ReplyError";

/** The server does not know this script: after a restart, a failover or SCRIPT FLUSH. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/**
 * What a failed command means: REDIS_UNAVAILABLE (away, starting, failing over, silent for too long; the outcome of a
 * command that was on its way is unknown), OVERLOADED (maxmemory), INTERNAL (a command that can never work).
 */
export function redisFailure(error: unknown): StampedeError {
  if (error instanceof StampedeError) return error;
  if (!(error instanceof Error)) return new StampedeError("INTERNAL", String(error));
  if (!isReply(error) || AWAY.test(error.message)) {
    return new StampedeError("REDIS_UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  }
  if (error.message.startsWith("OOM"))
    return new StampedeError("OVERLOADED", "Redis is full", { cause: error, retryAfterS: 1 });
  return new StampedeError("INTERNAL", error.message, { cause: error });
}

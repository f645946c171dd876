import { StampedeError } from "../contracts/wire/errors.ts";
import { classify, isAway, isDatabaseError } from "../db/errors.ts";
import type { DatabaseOutageLog } from "./database-outage-log.ts";

/**
 * Converts errors of the database layer into errors for clients: no answer from the server is DATABASE_UNAVAILABLE
 * (retryable); data that it will never accept is INTERNAL (not retryable). A StampedeError passes unchanged.
 */
export function databaseCalls(onError: (error: unknown) => void, news: Pick<DatabaseOutageLog, "away" | "answered">) {
  return async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const value = await call();
      news.answered();
      return value;
    } catch (error) {
      if (error instanceof StampedeError || !isDatabaseError(error)) throw error;
      if (isAway(error)) news.away(error);
      else onError(error);
      if (classify(error) === "permanent") {
        throw new StampedeError("INTERNAL", undefined, { cause: error, retryable: false });
      }
      throw new StampedeError("DATABASE_UNAVAILABLE", undefined, { cause: error });
    }
  };
}

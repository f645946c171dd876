import { StampedeError } from "../contracts/errors.ts";
import { classify, isDatabaseError } from "../db/errors.ts";

/**
 * Turns what the database layer throws into what a client can act on: no answer from the server is DATABASE_UNAVAILABLE
 * (retryable). Errors of ours pass through.
 */
export function databaseCalls(onError: (error: unknown) => void) {
  return async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StampedeError || !isDatabaseError(error)) throw error;
      onError(error);
      if (classify(error) === "permanent") throw error;
      throw new StampedeError("DATABASE_UNAVAILABLE", undefined, { cause: error });
    }
  };
}

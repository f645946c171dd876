import { StampedeError } from "../contracts/errors.ts";
import { classify, isDatabaseError } from "../db/errors.ts";

/**
 * Turns what the database layer throws into what a client can act on: no answer from the server is DATABASE_UNAVAILABLE
 * (retryable); data that it will never take is an INTERNAL that no retry helps. Errors of ours pass through.
 */
export function databaseCalls(onError: (error: unknown) => void) {
  return async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StampedeError || !isDatabaseError(error)) throw error;
      onError(error);
      if (classify(error) === "permanent") {
        throw new StampedeError("INTERNAL", undefined, { cause: error, retryable: false });
      }
      throw new StampedeError("DATABASE_UNAVAILABLE", undefined, { cause: error });
    }
  };
}

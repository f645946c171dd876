/** How a program handles uncaught errors. */
export interface StrayErrors {
  /** One line in the log. */
  report(error: unknown, what: string): void;
  /** Ends the program as SIGTERM does. */
  stop(): Promise<void>;
  /** How long `stop` may take, milliseconds. */
  readonly limitMs: number;
}

/**
 * Handles uncaught errors.
 *
 * An exception in a timer or a listener ends the process, with exit code 1, after an orderly stop: the callback stopped in
 * its middle, and a count, a queue or a flag may be half changed. The supervisor starts the process again.
 *
 * An unhandled rejection is a line in the log, and the process continues: an async function that fails has run its `finally`
 * blocks, no code used its result, and otherwise a user who can cause one could end the process. Loops that
 * must not end on an error catch it themselves (consumers/engine/ticker.ts, consumers/engine/runner.ts).
 * @returns a function that ends the process in the same way, for a part that the process cannot work without
 */
export function takeStrayErrors({ report, stop, limitMs }: StrayErrors): (error: unknown, what: string) => void {
  let ending = false;
  const end = (error: unknown, what: string): void => {
    report(error, what);
    if (ending) return;
    ending = true;
    const exit = () => process.exit(1);
    setTimeout(exit, limitMs).unref();
    stop().then(exit, (cause) => {
      report(cause, "the stop failed");
      exit();
    });
  };
  process.on("uncaughtException", (error) => end(error, "uncaught exception: the process stops"));
  process.on("unhandledRejection", (error) => report(error, "unhandled rejection"));
  return end;
}

/** What a program wants done with errors that nobody caught. */
export interface StrayErrors {
  /** One line in the log. */
  report(error: unknown, what: string): void;
  /** Ends the program as SIGTERM does. */
  stop(): Promise<void>;
  /** How long `stop` may take, milliseconds. */
  readonly limitMs: number;
}

/**
 * Takes care of errors that nobody caught.
 *
 * An exception in a timer or a listener ends the process, with exit code 1, after an orderly stop: the callback was left in
 * its middle, and whatever it was about to change (a count, a queue, a flag) may be half changed. The supervisor
 * starts the process again.
 *
 * A rejected promise that nobody waits for is a line in the log, and the process goes on: an async function that fails has
 * run its `finally` blocks, nobody relied on its outcome, and a user who could cause one would otherwise have a way to end
 * the process. Loops that must not end on an error catch it themselves (consumers/engine/ticker.ts, consumers/engine/runner.ts).
 * @returns what ends the process in the same way: for a part without which it is of no use
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
  process.on("uncaughtException", (error) => end(error, "an exception that nobody caught: the process stops"));
  process.on("unhandledRejection", (error) => report(error, "a rejection that nobody waited for"));
  return end;
}

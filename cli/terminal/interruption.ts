/**
 * Runs `work` with a signal that fires at Ctrl-C (or SIGTERM), so that it can clean up behind itself. A second Ctrl-C
 * leaves at once.
 */
export async function interruption<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write("\ninterrupted: cleaning up (again to leave at once)\n");
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

import pino from "pino";
import { requireSetClock } from "../contracts/wire/clock.ts";
import { takeStrayErrors } from "../contracts/wire/stray-errors.ts";
import { loggable } from "../db/loggable-error.ts";
import { readConfig } from "./config.ts";
import { type Gateway, type RuntimeAdapters, startGateway } from "./gateway.ts";
import { createErrorLog } from "./http/error-log.ts";

/** Added to the sum of the time limits of the parts of a stop. */
const SPARE_MS = 5_000;

/**
 * Runs the gateway as this process. SIGTERM and SIGINT stop it gracefully, a second signal at once. Exit 1: it did not start,
 * or there was an uncaught error.
 */
export async function runGateway(
  environment: Record<string, string | undefined>,
  runtime: RuntimeAdapters,
): Promise<void> {
  try {
    requireSetClock();
    const config = readConfig(environment);
    const log = pino({ level: config.LOG_LEVEL, base: { process: "gateway", gatewayId: config.gatewayId } });
    const onError = createErrorLog(log);
    let gateway: Gateway | undefined;
    let stopped: Promise<void> | undefined;
    const stopOnce = () => (stopped ??= gateway?.stop() ?? Promise.resolve());
    takeStrayErrors({
      report(error, what) {
        log.error(what);
        onError(error);
      },
      stop: stopOnce,
      limitMs: config.SHUTDOWN_DELAY_MS + config.SHUTDOWN_GRACE_MS + config.MESSAGE_TIMEOUT_MS + SPARE_MS,
    });
    gateway = await startGateway(config, runtime);
    if (runtime.caution !== undefined) log.warn(runtime.caution);
    let stopping = false;
    const stop = () => {
      if (stopping) process.exit(1);
      stopping = true;
      stopOnce().then(
        () => process.exit(0),
        (error) => {
          console.error(loggable(error).message);
          process.exit(1);
        },
      );
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

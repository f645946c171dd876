import { loggable } from "../db/loggable-error.ts";
import { readConfig } from "./config.ts";
import { type Runtime, startGateway } from "./gateway.ts";

/** Runs the gateway as this process. SIGTERM and SIGINT stop it gracefully, a second one at once. Exit 1: it did not start. */
export async function runGateway(environment: Record<string, string | undefined>, runtime: Runtime): Promise<void> {
  try {
    const gateway = await startGateway(readConfig(environment), runtime);
    let stopping = false;
    const stop = () => {
      if (stopping) process.exit(1);
      stopping = true;
      gateway.stop().then(
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

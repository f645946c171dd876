import { createBunKafka } from "../kafka/bun/kafka.ts";
import { readConfig } from "./config.ts";
import { startGateway } from "./gateway.ts";
import { listenBun } from "./transports/bun.ts";

/** The gateway on Bun. SIGTERM and SIGINT stop it gracefully, a second one at once. */
async function main(): Promise<void> {
  const gateway = await startGateway(readConfig(process.env), { listen: listenBun, createKafka: createBunKafka });
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    gateway.stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

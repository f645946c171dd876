import { readConfig } from "./config.ts";
import { startSimulator } from "./server.ts";

// The payment simulator as a process. Exit 1: it did not start.
try {
  const simulator = startSimulator(readConfig(process.env));
  process.stdout.write(`the payment simulator listens on port ${simulator.port}\n`);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => void simulator.stop().then(() => process.exit(0)));
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

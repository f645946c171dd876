import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { startPaymentSimulator, type TestProcess } from "./processes.ts";

/** The payment provider of a test's own system. Its books outlive it, as a real one's do. */
export interface TestPaymentProvider {
  readonly url: string;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on its port and books. */
  start(): Promise<void>;
  /** down: it answers 503 to every payment call. */
  turn(mode: "up" | "down"): Promise<void>;
  /** Stops it and deletes its books. */
  remove(): Promise<void>;
}

/** Between the provider and the gateways of these tests. */
export const WEBHOOK_SECRET = "a secret of the provider's and ours alone";

/** @param webhookPort of the gateway that is told of late outcomes */
export async function startPaymentProvider(
  webhookPort: number,
  env: Readonly<Record<string, string>> = {},
): Promise<TestPaymentProvider> {
  const home = mkdtempSync(join(tmpdir(), "stampede-payments-"));
  const port = freePort();
  const settings = {
    PAYMENT_SIMULATOR_SLOW_MS: "300",
    PAYMENT_SIMULATOR_LATE_MS: "300",
    PAYMENT_SIMULATOR_BOOKS: join(home, "books"),
    PAYMENT_WEBHOOK_URL: `http://127.0.0.1:${webhookPort}/webhooks/payments`,
    PAYMENT_WEBHOOK_SECRET: WEBHOOK_SECRET,
    ...env,
  };
  let running: TestProcess = await startPaymentSimulator(settings, port);
  return {
    url: running.url,
    async kill() {
      running.kill("SIGKILL");
      await running.exited;
    },
    async start() {
      running = await startPaymentSimulator(settings, port);
    },
    async turn(mode) {
      await fetch(`${running.url}/simulator/mode`, { method: "PUT", body: JSON.stringify({ mode }) });
    },
    async remove() {
      await running.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

import { join } from "node:path";
import { urlHost } from "../contracts/wire/address.ts";
import { bun } from "./gateway.ts";
import type { NativeService } from "./service.ts";

/** The payment provider of a machine without one. Its books belong to one database, and a cluster has a separate database. */
export const paymentSimulator: NativeService = {
  name: "payment-simulator",
  stopSignal: "SIGTERM",
  startTimeoutS: 20,
  stopTimeoutS: 10,
  ports: ({ ports }) => [{ port: ports.paymentSimulator, variable: "PAYMENT_SIMULATOR_PORT" }],
  missingPackages: async () => [],
  command: ({ layout, env, shape }) => ({
    // --smol: a smaller heap, collected more often; it has little to do.
    argv: [bun(), "--smol", join(layout.root, "payment-simulator/main.bun.ts")],
    env: {
      ...env,
      PAYMENT_SIMULATOR_BOOKS: join(
        layout.dataOf("payment-simulator"),
        shape === "cluster" ? "books-cluster.jsonl" : "books.jsonl",
      ),
      PAYMENT_WEBHOOK_URL: `http://${urlHost(env.GATEWAY_HOST!)}:${env.GATEWAY_PORT}/webhooks/payments`,
    },
  }),
};

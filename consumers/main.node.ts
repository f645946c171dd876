import { createNodeKafka } from "../kafka/node/kafka.ts";
import { createSaleLoading } from "../lua/sale-loading.ts";
import { runConsumers } from "./process.ts";

// The consumers on Node.
await runConsumers(process.env, {
  command: "node dist/consumers.mjs",
  createKafka: createNodeKafka,
  createSaleLoading,
});

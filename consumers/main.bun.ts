import { createBunKafka } from "../kafka/bun/kafka.ts";
import { createSaleLoading } from "../lua/sale-loading.ts";
import { runConsumers } from "./process.ts";

// The consumers on Bun.
await runConsumers(process.env, {
  command: "bun consumers/main.bun.ts",
  createKafka: createBunKafka,
  createSaleLoading,
});

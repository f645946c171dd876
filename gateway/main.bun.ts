import { createBunKafka } from "../kafka/bun/kafka.ts";
import { runGateway } from "./process.ts";
import { listenBun } from "./transports/bun.ts";

// The gateway on Bun.
await runGateway(process.env, { listen: listenBun, createKafka: createBunKafka });

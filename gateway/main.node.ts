import { createNodeKafka } from "../kafka/node/kafka.ts";
import { runGateway } from "./process.ts";
import { listenUws } from "./transports/uws.ts";

// The gateway on Node.
await runGateway(process.env, { listen: listenUws, createKafka: createNodeKafka });

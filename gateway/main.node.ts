import { createNodeKafka } from "../kafka/node/kafka.ts";
import { runGateway } from "./process.ts";
import { listenUws } from "./transports/uws.ts";

const caution =
  "On Node the HTTP parser accepts a header without a name and hides the headers behind it: serve the internet only through a " +
  "proxy that refuses such requests (docs/operations.md, Requests on Node)";

// The gateway on Node.
await runGateway(process.env, { listen: listenUws, createKafka: createNodeKafka, caution });

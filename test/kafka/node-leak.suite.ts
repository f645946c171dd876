import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createNodeKafka } from "../../kafka/node/kafka.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";
import { leaksContract } from "./contract/leaks.ts";
import { openWorkbench } from "./contract/workbench.ts";

setDefaultTimeout(180_000);

let broker: Broker;
beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-node-leak-")), port: testPort(4) });
  await broker.start();
});
afterAll(() => broker.remove());

setFlagsFromString("--expose-gc");

leaksContract(() => openWorkbench(createNodeKafka, broker), {
  // Node takes three times as long for a record as Bun. 100 bytes left behind by each, the smallest piece there is, would show
  // as 30 MB or more between the first 300,000 records and the last ones; on its own the memory moves by up to 12 MB.
  records: 600_000,
  allowedGrowthMb: 25,
  collectGarbage: runInNewContext("gc"),
});

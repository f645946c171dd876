import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";
import { leaksContract } from "./contract/leaks.ts";
import { openWorkbench } from "./contract/workbench.ts";

setDefaultTimeout(180_000);

let broker: Broker;
beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-leak-")), port: testPort(1) });
  await broker.start();
});
afterAll(() => broker.remove());

leaksContract(() => openWorkbench((options) => createBunKafka(options, process.env.LIBRDKAFKA_PATH), broker), {
  records: 1_000_000,
  // Losing one of the smallest pieces a record can leave behind, an rd_kafka_op_t or a payload of some 100 bytes, would
  // show as 70 MB between the first 300,000 records and the last ones. Pools and the heap move by less than 20 MB.
  allowedGrowthMb: 30,
  collectGarbage: () => Bun.gc(true),
});

import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { kafkaContract } from "../contracts/kafka.contract.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";

setDefaultTimeout(180_000); // also for the hooks: a broker needs seconds to start
const port = testPort(0);
let broker: Broker;

beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-")), port });
  await broker.start();
});
afterAll(() => broker.remove());

kafkaContract("bun", (options) => createBunKafka(options, process.env.LIBRDKAFKA_PATH), {
  address: `127.0.0.1:${port}`,
  start: () => broker.start(),
  stop: () => broker.stop(),
  restart: () => broker.restart(),
  freeze: (ms) => broker.freeze(ms),
});

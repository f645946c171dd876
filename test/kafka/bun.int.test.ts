import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrokerLog } from "../../kafka/broker-log.ts";
import { GroupQuestioner } from "../../kafka/bun/group-questioner.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { openLibrary } from "../../kafka/bun/library.ts";
import type { CreateKafka } from "../../kafka/kafka.ts";
import { kafkaContract } from "../contracts/kafka.contract.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";
import { faultTests } from "./bun-faults.ts";
import { memoryTests } from "./bun-memory.ts";
import { openWorkbench } from "./contract/workbench.ts";

setDefaultTimeout(180_000); // also for the hooks: a broker needs seconds to start
const port = testPort(0);
let broker: Broker;

beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-")), port });
  await broker.start();
});
afterAll(() => broker.remove());

const library = openLibrary(process.env.LIBRDKAFKA_PATH);
const options = { brokers: `127.0.0.1:${port}`, clientId: "contract" };
const openQuestioner = (groupId: string) => new GroupQuestioner(library, options, new BrokerLog(options), groupId);
const createKafka: CreateKafka = (options) => createBunKafka(options, process.env.LIBRDKAFKA_PATH);

const controlled = {
  address: options.brokers,
  start: () => broker.start(),
  stop: () => broker.stop(),
  restart: () => broker.restart(),
  freeze: (ms: number) => broker.freeze(ms),
};

kafkaContract("bun", createKafka, openQuestioner, controlled);
const open = () => openWorkbench(createKafka, controlled);
memoryTests(open, library, options);
faultTests(open, library, options);

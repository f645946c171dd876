import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrokerLog } from "../../kafka/broker-log.ts";
import { loadAddon } from "../../kafka/node/addon.ts";
import { groupQuestioner } from "../../kafka/node/group-questioner.ts";
import { createNodeKafka } from "../../kafka/node/kafka.ts";
import { kafkaContract } from "../contracts/kafka.contract.ts";
import { type Broker, createBroker, testPort } from "./broker.ts";

setDefaultTimeout(180_000); // also for the hooks: a broker needs seconds to start
const port = testPort(3);
let broker: Broker;

beforeAll(async () => {
  broker = await createBroker({ dataDir: await mkdtemp(join(tmpdir(), "stampede-kafka-node-")), port });
  await broker.start();
});
afterAll(() => broker.remove());

const options = { brokers: `127.0.0.1:${port}`, clientId: "contract" };
const openQuestioner = (groupId: string) => groupQuestioner(loadAddon(), options, new BrokerLog(options), groupId);

kafkaContract("node", createNodeKafka, openQuestioner, {
  address: options.brokers,
  start: () => broker.start(),
  stop: () => broker.stop(),
  restart: () => broker.restart(),
  freeze: (ms) => broker.freeze(ms),
});

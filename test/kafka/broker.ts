import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** One private single-node Kafka (KRaft, broker and controller in one process) for a test file. */
export interface Broker {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly dataDir: string;
  start(): Promise<void>;
  /** An orderly stop (SIGTERM). Clients see the connection end. */
  stop(): Promise<void>;
  /** Killed (SIGKILL) and started again: what was acknowledged must survive. */
  restart(): Promise<void>;
  /** Stopped (SIGSTOP) for so long, and let go on: beyond its session the controller in it takes the broker for lost. */
  freeze(ms: number): Promise<void>;
  /** Stops the broker and removes its data. */
  remove(): Promise<void>;
}

export interface BrokerOptions {
  readonly dataDir: string;
  /** The client port; the controller listens on the next one. */
  readonly port: number;
  /** Folder of Kafka's jars; default `STAMPEDE_KAFKA_LIBS`, else `.stack/kafka/libs`. */
  readonly libs?: string;
  /** More server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** A killed broker may register again once its session is over; one whose machine slept for longer is fenced. */
export const SESSION_MS = 6_000;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
/** Fixed: one throw-away cluster needs no random identity. */
const CLUSTER_ID = "c3RhbXBlZGUtdGVzdC1rYQ";

/** Where the tests find Kafka's jars. */
export function kafkaLibs(): string {
  return resolve(process.env.STAMPEDE_KAFKA_LIBS ?? ".stack/kafka/libs");
}

/** A port for the tests of this folder: `STAMPEDE_TEST_KAFKA_PORT` (default 29190) and up; each broker takes two. */
export function testPort(broker: number): number {
  return Number(process.env.STAMPEDE_TEST_KAFKA_PORT ?? 29_190) + broker * 2;
}

/** Formats the data folder (a first time) and prepares a broker; `start` runs it. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const libs = options.libs ?? kafkaLibs();
  const address = `127.0.0.1:${options.port}`;
  const config = join(options.dataDir, "server.properties");
  await mkdir(options.dataDir, { recursive: true });
  await writeFile(config, serverProperties(options, address));
  const java = async (main: string, args: string[]): Promise<ChildProcess> => {
    const log = await open(join(options.dataDir, `${main}.log`), "w");
    const argv = ["-Xms256m", "-Xmx384m", "-XX:+UseSerialGC", "-cp", `${libs}/*`, main, ...args];
    const child = spawn("java", argv, { cwd: options.dataDir, stdio: ["ignore", log.fd, "ignore"] });
    await once(child, "spawn");
    await log.close();
    return child;
  };
  const format = await java("kafka.tools.StorageTool", [
    "format",
    "-t",
    CLUSTER_ID,
    "-c",
    config,
    "--ignore-formatted",
  ]);
  if ((await ended(format)) !== 0) {
    throw new Error(`Kafka's storage could not be formatted with the jars of ${libs} (set STAMPEDE_KAFKA_LIBS)`);
  }

  let server: ChildProcess | undefined;
  const start = async () => {
    server = await java("kafka.Kafka", [config]);
    await answers(options.port, server, join(options.dataDir, "kafka.Kafka.log"));
  };
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    const running = server;
    server = undefined;
    if (running === undefined) return;
    running.kill(signal);
    const hard = setTimeout(() => running.kill("SIGKILL"), STOP_LIMIT_MS);
    await ended(running);
    clearTimeout(hard);
  };
  return {
    address,
    dataDir: options.dataDir,
    start,
    stop: () => end("SIGTERM"),
    restart: async () => {
      await end("SIGKILL");
      await start();
    },
    freeze: async (ms) => {
      server?.kill("SIGSTOP");
      await sleep(ms);
      server?.kill("SIGCONT");
    },
    remove: async () => {
      await end("SIGKILL");
      await rm(options.dataDir, { recursive: true, force: true });
    },
  };
}

function serverProperties(options: BrokerOptions, address: string): string {
  const controller = `127.0.0.1:${options.port + 1}`;
  const properties: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@${controller}`,
    listeners: `PLAINTEXT://${address},CONTROLLER://${controller}`,
    "controller.listener.names": "CONTROLLER",
    "log.dirs": join(options.dataDir, "log"),
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    // A group of tests forms at once; production waits 3 s for stragglers.
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": String(SESSION_MS),
    "broker.heartbeat.interval.ms": "500",
    ...options.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** The exit code; null after a signal. */
async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

async function answers(port: number, server: ChildProcess, log: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit) {
    if (server.exitCode !== null)
      throw new Error(`Kafka did not start:\n${(await readFile(log, "utf8")).slice(-2000)}`);
    const open = await new Promise<boolean>((settle) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => settle(true)).once("error", () => settle(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(100);
  }
  throw new Error(`Kafka did not answer on port ${port} within ${START_LIMIT_MS / 1000} s`);
}

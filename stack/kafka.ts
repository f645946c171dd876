import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./errors.ts";
import { fetchJars, haveJars } from "./kafka-jars.ts";
import { kafkaMembers } from "./members.ts";
import { brokersOf } from "./ready.ts";
import type { NativeService, StackContext } from "./service.ts";

const OLDEST_JAVA = 17;
/** The same for ever: data and configuration of one stack belong together, and nothing else joins it. */
const CLUSTER_ID = "c3RhbXBlZGVzdGFtcGVkZQ";

/** 384 MB is twice what one broker holds at 30,000 records/s with 170 partitions; of three, each has its share of the leaders. */
const HEAP = { single: ["-Xms256m", "-Xmx384m"], cluster: ["-Xms128m", "-Xmx320m"] } as const;
const GC = ["-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError"];

/** Each shape has separate data. */
const homeOf = ({ layout, shape }: StackContext, member: number) =>
  shape === "cluster" ? join(layout.dataOf("kafka"), `broker-${member + 1}`) : layout.dataOf("kafka");
const propertiesFile = (context: StackContext, member: number) => join(homeOf(context, member), "server.properties");
/** Where it unpacks its compression libraries; in /tmp a broker that is killed would leave them for ever. */
const temporaryDirectory = (context: StackContext, member: number) => join(homeOf(context, member), "tmp");
const logDirectory = (context: StackContext, member: number) => join(homeOf(context, member), "logs");

function writeProperties(context: StackContext, member: number): void {
  const all = kafkaMembers(context.ports, context.shape);
  const { nodeId, port, controllerPort } = all[member]!;
  const values: Record<string, string> = {
    nodeId: String(nodeId),
    port: String(port),
    controllerPort: String(controllerPort),
    voters: all.map((one) => `${one.nodeId}@127.0.0.1:${one.controllerPort}`).join(),
    replicas: String(all.length),
    inSync: all.length === 1 ? "1" : "2",
    sessionMs: all.length === 1 ? "6000" : "3000",
    dataDir: logDirectory(context, member),
  };
  const template = readFileSync(join(context.layout.root, "ops/kafka/server.properties"), "utf8");
  const text = template.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  writeFileSync(propertiesFile(context, member), text);
}

async function format(context: StackContext, member: number): Promise<void> {
  rmSync(logDirectory(context, member), { recursive: true, force: true });
  const config = propertiesFile(context, member);
  const tool = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", config];
  // A second of work: compiling it further would cost more than it saves.
  const quick = ["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx128m"];
  const child = Bun.spawn(["java", ...quick, "-cp", `${context.layout.kafkaLibs}/*`, ...tool], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new CliError(`formatting Kafka's storage failed: ${errors.trim().split("\n").at(-1)}`);
}

/** Kafka as native processes, each broker and controller in one: a single one, or three. */
export const kafka: NativeService = {
  name: "kafka",
  stopSignal: "SIGTERM",
  startTimeoutS: 90,
  stopTimeoutS: 20,
  members: ({ ports, shape }) => kafkaMembers(ports, shape).length,
  ports: ({ ports, shape }, member) => {
    const { port, controllerPort } = kafkaMembers(ports, shape)[member]!;
    return [port, controllerPort].map((one) => ({ port: one, variable: "STAMPEDE_KAFKA_PORT" }));
  },
  joined: async ({ env, ports, shape }) => {
    if (shape === "single") return true;
    return (await brokersOf(env.KAFKA_BROKERS)) === kafkaMembers(ports, shape).length;
  },

  async missingPackages(context) {
    const missing: string[] = [];
    const java = Bun.which("java");
    if (!java) missing.push("default-jre-headless");
    else {
      const version = Bun.spawnSync([java, "-version"])
        .stderr.toString()
        .match(/version "(\d+)/)?.[1];
      if (Number(version) < OLDEST_JAVA) {
        throw new CliError(`java ${version} is too old for Kafka 4: install Java ${OLDEST_JAVA}, or set KAFKA_BROKERS`);
      }
    }
    if (!haveJars(context) && !Bun.which("mvn")) missing.push("maven");
    return missing;
  },

  async prepare(context, members) {
    await fetchJars(context);
    for (const member of members) {
      rmSync(temporaryDirectory(context, member), { recursive: true, force: true });
      mkdirSync(temporaryDirectory(context, member), { recursive: true });
      writeProperties(context, member);
    }
    const fresh = members.filter((member) => !existsSync(join(logDirectory(context, member), "meta.properties")));
    await Promise.all(fresh.map((member) => format(context, member)));
  },

  command: (context, _runtime, member) => ({
    argv: [
      "java",
      ...HEAP[context.shape],
      ...GC,
      ...(context.shape === "cluster" ? [`-Dstampede.broker=broker-${member + 1} `] : []),
      `-Djava.io.tmpdir=${temporaryDirectory(context, member)}`,
      `-Dlog4j2.configurationFile=${join(context.layout.root, "ops/kafka/log4j2.xml")}`,
      ...["-cp", `${context.layout.kafkaLibs}/*`, "kafka.Kafka", propertiesFile(context, member)],
    ],
  }),
};

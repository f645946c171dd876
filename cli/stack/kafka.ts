import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { fetchJars, haveJars } from "./kafka-jars.ts";
import type { NativeService, StackContext } from "./service.ts";

const OLDEST_JAVA = 17;
/** The same for ever: data and configuration of one stack belong together, and nothing else joins it. */
const CLUSTER_ID = "c3RhbXBlZGVzdGFtcGVkZQ";

/** 384 MB is twice what the broker holds at 30,000 records/s with 170 partitions. */
const HEAP = ["-Xms256m", "-Xmx384m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError"];

const propertiesFile = (context: StackContext) => join(context.layout.dataOf("kafka"), "server.properties");
/** Where it unpacks its compression libraries; in /tmp a broker that is killed would leave them for ever. */
const temporaryDirectory = (context: StackContext) => join(context.layout.dataOf("kafka"), "tmp");
const logDirectory = (context: StackContext) => join(context.layout.dataOf("kafka"), "logs");

function writeProperties(context: StackContext): void {
  const values: Record<string, string> = {
    port: String(context.ports.kafka),
    controllerPort: String(context.ports.kafkaController),
    dataDir: logDirectory(context),
  };
  const template = readFileSync(join(context.layout.root, "ops/kafka/server.properties"), "utf8");
  const text = template.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  writeFileSync(propertiesFile(context), text);
}

async function format(context: StackContext): Promise<void> {
  rmSync(logDirectory(context), { recursive: true, force: true });
  const tool = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", propertiesFile(context)];
  // A second of work: compiling it further would cost more than it saves.
  const quick = ["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx128m"];
  const child = Bun.spawn(["java", ...quick, "-cp", `${context.layout.kafkaLibs}/*`, ...tool], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new CliError(`formatting Kafka's storage failed: ${errors.trim().split("\n").at(-1)}`);
}

/** Kafka as a native process: one broker that is its own controller. */
export const kafka: NativeService = {
  name: "kafka",
  stopSignal: "SIGTERM",
  startTimeoutS: 60,
  stopTimeoutS: 20,
  ports: ({ ports }) => [
    { port: ports.kafka, variable: "STAMPEDE_KAFKA_PORT" },
    { port: ports.kafkaController, variable: "STAMPEDE_KAFKA_PORT" },
  ],

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

  async prepare(context) {
    await fetchJars(context);
    rmSync(temporaryDirectory(context), { recursive: true, force: true });
    mkdirSync(temporaryDirectory(context), { recursive: true });
    writeProperties(context);
    if (!existsSync(join(logDirectory(context), "meta.properties"))) await format(context);
  },

  command: (context) => ({
    argv: [
      "java",
      ...HEAP,
      `-Djava.io.tmpdir=${temporaryDirectory(context)}`,
      `-Dlog4j2.configurationFile=${join(context.layout.root, "ops/kafka/log4j2.xml")}`,
      ...["-cp", `${context.layout.kafkaLibs}/*`, "kafka.Kafka", propertiesFile(context)],
    ],
  }),
};

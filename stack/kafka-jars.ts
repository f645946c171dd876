import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError } from "./errors.ts";
import { lastWordsOf } from "./last-words.ts";
import { secondsSince } from "./progress.ts";
import type { StackContext } from "./service.ts";

const STAMP = ".made-from";

const pomOf = (context: StackContext) => join(context.layout.root, "ops/kafka/pom.xml");
const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Whether the jars that ops/kafka/pom.xml names are there. A directory of the operator's own is taken as it is. */
export function haveJars(context: StackContext): boolean {
  const { kafkaLibs } = context.layout;
  if (context.config.STAMPEDE_KAFKA_LIBS) return existsSync(kafkaLibs);
  const stamp = join(kafkaLibs, STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === hashOf(pomOf(context));
}

/** Fetches Kafka from Maven Central. All or nothing: the directory gets its name when it is complete. */
export async function fetchJars(context: StackContext): Promise<void> {
  if (haveJars(context)) return;
  const { kafkaLibs, logOf } = context.layout;
  const begun = performance.now();
  context.progress.begin("kafka", "fetching its jars from Maven Central");
  const partial = `${kafkaLibs}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(partial), { recursive: true });
  const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${partial}`];
  const maven = Bun.spawn(["mvn", "-B", "-ntp", "-Dstyle.color=never", "-f", pomOf(context), ...goal], {
    stdio: ["ignore", Bun.file(logOf("maven")), Bun.file(`${logOf("maven")}.err`)],
  });
  if ((await maven.exited) !== 0) {
    const why = /\[ERROR\] (.*)/.exec(readFileSync(logOf("maven"), "utf8"))?.[1] ?? lastWordsOf(logOf("maven"));
    throw new CliError(`Kafka's jars could not be fetched (${logOf("maven")}): ${why}`);
  }
  writeFileSync(join(partial, STAMP), hashOf(pomOf(context)));
  rmSync(kafkaLibs, { recursive: true, force: true });
  renameSync(partial, kafkaLibs);
  context.progress.done("kafka", `fetched its jars in ${secondsSince(begun)}`);
}

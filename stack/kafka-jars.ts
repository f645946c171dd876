import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkDownloads, downloadsFile, readDownloads } from "./downloads.ts";
import { CliError } from "./errors.ts";
import { lastWordsOf } from "./last-words.ts";
import { secondsSince } from "./progress.ts";
import type { StackContext } from "./service.ts";

const STAMP = ".made-from";

const pomOf = (context: StackContext) => join(context.layout.root, "ops/kafka/pom.xml");

/** Changes with what is asked for, and with what is accepted. */
function stampOf(context: StackContext): string {
  const hash = createHash("sha256");
  for (const file of [pomOf(context), downloadsFile(context.layout.root)]) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/** Whether the jars that ops/kafka/pom.xml names are there. A directory of the operator's own is taken as it is. */
export function haveJars(context: StackContext): boolean {
  const { kafkaLibs } = context.layout;
  if (context.config.STAMPEDE_KAFKA_LIBS) return existsSync(kafkaLibs);
  const stamp = join(kafkaLibs, STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === stampOf(context);
}

/** Fetches Kafka from Maven Central, and checks each jar by ops/downloads.json. All or nothing: the directory gets its name when it is complete. */
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
  checkJars(context, partial);
  writeFileSync(join(partial, STAMP), stampOf(context));
  rmSync(kafkaLibs, { recursive: true, force: true });
  renameSync(partial, kafkaLibs);
  context.progress.done("kafka", `fetched its jars in ${secondsSince(begun)}`);
}

function checkJars(context: StackContext, directory: string): void {
  try {
    checkDownloads(readDownloads(context.layout.root).kafka, directory);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`Kafka's jars are refused: ${error.message} (Maven has a copy of each in ~/.m2/repository)`);
  }
}

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { inheritedEnvironment } from "./config.ts";
import { installPackages } from "./debian.ts";
import { CliError } from "./errors.ts";
import { lastWords } from "./last-words.ts";
import type { NodeProgram } from "./node-program.ts";
import { type AddonHome, binaryOf } from "./node-runtime-addon-home.ts";
import { missingTools } from "./node-runtime-tools.ts";
import { secondsSince } from "./progress.ts";
import type { StackContext } from "./service.ts";

/** How often the progress line says that it goes on, seconds. */
const SAY_EVERY_S = 30;

/**
 * Compiles librdkafka and the addon from the package's sources, about two minutes on two cores. Linked dynamically: a static
 * librdkafka would compile OpenSSL, SASL and curl as well, for a quarter of an hour.
 * @throws CliError one sentence that says what to install, or what the compiler said
 */
export async function buildAddon(context: StackContext, home: AddonHome, node: NodeProgram): Promise<void> {
  const { layout, progress } = context;
  const logFile = layout.logOf("kafka-addon");
  await installPackages(missingTools(), layout.logOf("apt-get"), progress, `to compile Kafka for Node ${node.version}`);
  const begun = performance.now();
  progress.begin("addon", `compiling Kafka for Node ${node.version}, once (2 to 5 minutes)`);
  const work = join(home.store, "build");
  rmSync(work, { recursive: true, force: true });
  cpSync(home.package, work, {
    recursive: true,
    filter: (from) => !from.startsWith(join(home.package, "lib", "binding")),
  });
  const alive = setInterval(() => progress.begin("addon", `compiling for ${secondsSince(begun)}`), SAY_EVERY_S * 1000);
  try {
    const gyp = Bun.spawn([node.path, nodeGyp(node), "rebuild", ...headersOf(node)], {
      cwd: work,
      env: { ...inheritedEnvironment(), PATH: pathWith(node), CKJS_LINKING: "dynamic" },
      stdio: ["ignore", Bun.file(logFile), Bun.file(`${logFile}.err`)],
    });
    if ((await gyp.exited) !== 0) {
      const why = buildersWords(readFileSync(`${logFile}.err`, "utf8"));
      throw new CliError(`the Kafka addon for Node does not compile (${logFile}.err): ${why}`);
    }
    keep(work, home, node);
  } finally {
    clearInterval(alive);
    rmSync(work, { recursive: true, force: true });
  }
  progress.done("addon", `Kafka for Node ${node.version} compiled in ${secondsSince(begun)}`);
}

/** Why a build stopped, of what it wrote. The last words of node-gyp and make say only that something failed. */
export function buildersWords(errors: string): string {
  const compiler = errors.replace(/^(gyp |make(\[\d+\])?: ).*$/gm, "");
  if (compiler.trim() === "" && /^gyp http GET .*headers/m.test(errors)) {
    return "Node's headers cannot be fetched: name a Node.js in STAMPEDE_NODE that has include/node beside its bin";
  }
  return lastWords(compiler);
}

/** npm brings node-gyp along; some distributions keep it as a package. */
function nodeGyp(node: NodeProgram): string {
  const npm = Bun.which("npm");
  const places = [
    join(prefixOf(node), "lib/node_modules/npm/node_modules/node-gyp"),
    ...(npm ? [join(dirname(realpathSync(npm)), "../node_modules/node-gyp")] : []),
    "/usr/share/nodejs/node-gyp",
    "/usr/lib/node_modules/node-gyp",
  ];
  const found = places.map((place) => join(place, "bin/node-gyp.js")).find((file) => existsSync(file));
  if (found === undefined) throw new CliError("npm is missing to compile the Kafka addon: install it beside Node.js");
  return found;
}

/** Node's own headers, where its installation has them; else node-gyp fetches them. */
function headersOf(node: NodeProgram): string[] {
  const prefix = prefixOf(node);
  return existsSync(join(prefix, "include/node/node.h")) ? [`--nodedir=${prefix}`] : [];
}

const prefixOf = ({ path }: NodeProgram): string => dirname(dirname(realpathSync(Bun.which(path) ?? path)));

/** The build's own scripts call `node`: they shall get this one. */
const pathWith = ({ path }: NodeProgram): string =>
  `${dirname(Bun.which(path) ?? path)}:${inheritedEnvironment().PATH ?? ""}`;

/** Moves what was made into the store: 4 MB of 300. */
function keep(work: string, home: AddonHome, node: NodeProgram): void {
  const [libraries, target] = [join(work, "build", "deps"), binaryOf(home, node)];
  mkdirSync(dirname(target), { recursive: true });
  mkdirSync(join(home.store, "deps"), { recursive: true });
  for (const file of readdirSync(libraries).filter((name) =>
    /^librdkafka(\+\+)?(\.so\.1|\.dylib|\.1\.dylib)$/.test(name),
  )) {
    const kept = join(home.store, "deps", file);
    rmSync(kept, { force: true }); // a process may have it open: never write into it
    cpSync(join(libraries, file), kept, { dereference: true });
    if (process.platform === "linux" && Bun.which("strip")) Bun.spawnSync(["strip", "--strip-debug", kept]);
  }
  cpSync(join(work, "build", "Release", "confluent-kafka-javascript.node"), target);
}

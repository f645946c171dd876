import { join } from "node:path";
import { inheritedEnvironment } from "./config.ts";
import { CliError } from "./errors.ts";
import { shortNameOf } from "./layout.ts";
import { maxMemoryOf } from "./redis.ts";
import type { StackContext } from "./service.ts";
import type { BaseService } from "./service-names.ts";

/** How long a Docker daemon may take to answer, milliseconds. After that it counts as absent. */
const ANSWER_MS = 3000;

let answer: Promise<boolean> | undefined;

/** Whether a Docker daemon with Compose answers. Asked once per process: the answer decides for all services alike. */
export function dockerAnswers(): Promise<boolean> {
  answer ??= askDocker();
  return answer;
}

async function askDocker(): Promise<boolean> {
  if (!Bun.which("docker")) return false;
  const quiet = { stdio: ["ignore", "ignore", "ignore"] as ["ignore", "ignore", "ignore"], timeout: ANSWER_MS };
  // Without a daemon some versions of the client still leave with 0; asking for the server's version does not.
  const daemon = Bun.spawn(["docker", "version", "--format", "{{.Server.Version}}"], quiet);
  if ((await daemon.exited) !== 0) return false;
  return (await Bun.spawn(["docker", "compose", "version"], quiet).exited) === 0;
}

/** Each stack is a separate Compose project, with separate volumes. */
const projectOf = (context: StackContext) => `stampede-${shortNameOf(context.layout.dir)}`;

async function compose(context: StackContext, args: readonly string[]): Promise<string> {
  const { ports, layout, config, passwords } = context;
  const argv = ["docker", "compose", "-f", join(layout.root, "compose.yaml"), "-p", projectOf(context), ...args];
  const child = Bun.spawn(argv, {
    cwd: layout.root,
    env: {
      ...inheritedEnvironment(),
      STAMPEDE_REDIS_PORT: String(ports.redis),
      STAMPEDE_REDIS_MAXMEMORY: maxMemoryOf(1, config.STAMPEDE_REDIS_MAXMEMORY),
      STAMPEDE_REDIS_PASSWORD: passwords.REDIS_PASSWORD,
      STAMPEDE_POSTGRES_PORT: String(ports.postgres),
      STAMPEDE_POSTGRES_PASSWORD: passwords.POSTGRES_PASSWORD,
      STAMPEDE_POSTGRES_AUTH: "scram-sha-256",
      STAMPEDE_KAFKA_PORT: String(ports.kafka),
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const [code, out, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) {
    const why = errors.trim().split("\n").at(-1);
    throw new CliError(`docker compose ${args[0]} failed: ${why} (STAMPEDE_NATIVE=1 does without Docker)`);
  }
  return out.trim();
}

/** Starts a service's container (pulling its image the first time); its name and the id of its main process on this host. */
export async function startContainer(
  context: StackContext,
  service: BaseService,
): Promise<{ container: string; pid: number }> {
  await compose(context, ["up", "-d", "--no-deps", service]);
  const container = await compose(context, ["ps", "-q", service]);
  const inspect = Bun.spawnSync(["docker", "inspect", "-f", "{{.State.Pid}}", container]);
  return { container, pid: Number(inspect.stdout.toString().trim()) };
}

export async function containerRuns(container: string): Promise<boolean> {
  const inspect = Bun.spawnSync(["docker", "inspect", "-f", "{{.State.Running}}", container], { timeout: ANSWER_MS });
  return inspect.stdout.toString().trim() === "true";
}

export async function stopContainer(context: StackContext, service: BaseService): Promise<void> {
  await compose(context, ["stop", service]);
}

export async function signalContainer(container: string, signal: NodeJS.Signals): Promise<void> {
  Bun.spawnSync(["docker", "kill", "--signal", signal, container]);
}

/** Deletes containers and volumes of the whole stack. */
export async function wipeContainers(context: StackContext): Promise<void> {
  await compose(context, ["down", "--volumes"]);
}

/** Streams what a container wrote to our own output. */
export async function containerLogs(
  context: StackContext,
  services: readonly string[],
  follow: boolean,
): Promise<number> {
  const argv = ["docker", "compose", "-f", join(context.layout.root, "compose.yaml"), "-p", projectOf(context), "logs"];
  const child = Bun.spawn([...argv, ...(follow ? ["-f"] : []), ...services], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return child.exited;
}

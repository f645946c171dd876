import { join, resolve } from "node:path";
import { forgetIdleShape, refuseOtherAddresses, takeShape } from "./change-shape.ts";
import { type CliConfig, readConfig } from "./config.ts";
import { consumers } from "./consumers.ts";
import { installPackages } from "./debian.ts";
import { signalContainer } from "./docker.ts";
import { sourceOf, stackEnv } from "./env.ts";
import { CliError } from "./errors.ts";
import { requireSpace } from "./free-space.ts";
import { gateway } from "./gateway.ts";
import { kafka } from "./kafka.ts";
import { type Layout, layoutOf, makeDirectories, portsOf, repositoryRoot } from "./layout.ts";
import { missingLibrdkafka } from "./librdkafka.ts";
import { withLock } from "./lock.ts";
import { prepareNode } from "./node-runtime.ts";
import { paymentSimulator } from "./payment-simulator.ts";
import { postgres } from "./postgres.ts";
import { readRecord, signalProcess } from "./processes.ts";
import { type Progress, secondsSince, silentProgress } from "./progress.ts";
import { isReady } from "./ready.ts";
import { redis } from "./redis.ts";
import { hasRuntime, type RuntimeName, runtimeOf, runtimeVariant } from "./runtime.ts";
import { migrateDatabase } from "./schema.ts";
import { keptSecrets } from "./secrets.ts";
import type { NativeService, StackContext, StackEnv } from "./service.ts";
import { isBaseService, SERVICES, type ServiceName, type Source } from "./service-names.ts";
import { rememberedShape, type Shape } from "./shape.ts";
import { startService } from "./start.ts";
import { stopService, wipeData } from "./stop.ts";

const NATIVE: Readonly<Record<ServiceName, NativeService>> = {
  redis,
  postgres,
  kafka,
  "payment-simulator": paymentSimulator,
  gateway,
  consumers,
};

const USES_LIBRDKAFKA: ReadonlySet<ServiceName> = new Set(["kafka", "gateway", "consumers"]);

/** Less than this and Kafka's first segments or PostgreSQL's log may not fit. */
const FREE_BYTES = 1024 ** 3;
/** The longest thing a lock is held for is a first installation. */
const LOCK_WAIT_S = 600;

export interface StackOptions {
  /** Where the stack keeps its things. Default `.stack` of the repository, or STAMPEDE_STACK. */
  readonly dir?: string;
  /** Added to every port. */
  readonly portOffset?: number;
  /** Whether Redis and Kafka are a cluster; default as they run now, at first not. */
  readonly cluster?: boolean | undefined;
  /** Whether REDIS_URL, DATABASE_URL and KAFKA_BROKERS of the environment are used. Default yes. */
  readonly external?: boolean;
  readonly config?: CliConfig;
  readonly progress?: Progress;
}

export interface UpOptions {
  /** Gateway processes that share the port. */
  readonly workers?: number | undefined;
  /** Roles of the consumers, comma-separated; default all. */
  readonly roles?: string | undefined;
  /** What runs gateway and consumers; default as before, at first Bun. */
  readonly runtime?: RuntimeName | undefined;
  /** Whether brokers that this call starts are given something to do before it returns, so that their first rush is as quick as the next. */
  readonly warm?: boolean | undefined;
  /** When it fires, what this call started is stopped again. */
  readonly signal?: AbortSignal | undefined;
}

export interface Stack {
  /** Addresses and secrets, under the names that every process reads. */
  readonly env: StackEnv;
  readonly layout: Layout;
  readonly context: StackContext;
  /** Starts services (default all), in order, and waits until they answer. Again: does nothing. @throws CliError */
  up(services?: readonly ServiceName[], options?: UpOptions): Promise<void>;
  /** Stops what `up` started; `wipe` also deletes its data. @returns whether anything ran */
  down(services?: readonly ServiceName[], options?: { wipe?: boolean }): Promise<boolean>;
  readonly shape: Shape;
  /** What runs the gateway or the consumers. */
  runtimeOf(service: ServiceName): RuntimeName;
  /** Process ids that live; empty for a service of the environment. */
  pids(service: ServiceName): number[];
  /** Sends a signal to all processes of a service. */
  kill(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the service answers. @throws CliError after `timeoutS` (default 30) */
  waitReady(service: ServiceName, timeoutS?: number): Promise<void>;
  sourceOf(service: ServiceName): Promise<Source>;
}

/** Waits for all of them to end. @throws what the first that failed threw */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/** A stack of services in a directory of its own. Starts nothing yet. */
export function createStack(options: StackOptions = {}): Stack {
  const config = options.config ?? readConfig();
  const root = repositoryRoot();
  const dir = resolve(options.dir ?? config.STAMPEDE_STACK ?? join(root, ".stack"));
  const external = options.external ?? true;
  const layout = layoutOf(root, dir, config.STAMPEDE_KAFKA_LIBS);
  const ports = portsOf(config, options.portOffset ?? 0);
  const secrets = keptSecrets(layout.secretsFile, config);
  const shape = options.cluster === undefined ? rememberedShape(layout) : options.cluster ? "cluster" : "single";
  const env = stackEnv(config, ports, secrets, { external, run: layout.run, shape });
  const context: StackContext = { layout, ports, config, env, progress: options.progress ?? silentProgress, shape };
  const lock = <T>(work: () => Promise<T>) => {
    makeDirectories(layout);
    return withLock(join(layout.run, "lock"), "another ./dev up or down", LOCK_WAIT_S, work);
  };

  async function missingOf(
    services: readonly ServiceName[],
    sources: ReadonlyMap<ServiceName, Source>,
  ): Promise<string[]> {
    const native = services.filter((name) => sources.get(name) === "native");
    const missing = await Promise.all(native.map((name) => NATIVE[name].missingPackages(context)));
    // Wherever the broker runs, its topics are declared from here.
    if (services.some((name) => USES_LIBRDKAFKA.has(name))) missing.push(await missingLibrdkafka(context));
    return missing.flat();
  }

  async function install(services: readonly ServiceName[], sources: ReadonlyMap<ServiceName, Source>): Promise<void> {
    await installPackages(await missingOf(services, sources), layout.logOf("apt-get"), context.progress);
    const still = await missingOf(services, sources);
    if (still.length === 0) return;
    throw new CliError(`${still.join(", ")} is installed, but its programs are not where they belong: reinstall it`);
  }

  async function upLocked(
    services: readonly ServiceName[],
    { workers, roles, runtime, warm, signal }: UpOptions,
  ): Promise<void> {
    requireSpace(dir, FREE_BYTES);
    refuseOtherAddresses(context);
    const sources = new Map<ServiceName, Source>();
    for (const name of services) sources.set(name, await sourceOf(name, config, { external, shape }));
    await install(services, sources);
    await takeShape(context, options.cluster !== undefined, (name) => stopService(context, NATIVE[name]));
    if (services.some((name) => hasRuntime(name) && (runtime ?? runtimeNow(name)) === "node"))
      await prepareNode(context);
    signal?.throwIfAborted();
    const started: ServiceName[] = [];
    let cold = false;
    const start = async (name: ServiceName): Promise<void> => {
      const extraEnv = {
        ...(name === "consumers" && roles !== undefined ? { ROLES: roles } : {}),
        ...(hasRuntime(name) && runtime !== undefined ? runtimeVariant(runtime) : {}),
      };
      const count = name === "gateway" ? workers : undefined;
      // Noted before it is ready: an interrupted start is stopped as well.
      const ran = pids(name).length > 0;
      if (!ran && sources.get(name) !== "environment") started.push(name);
      const fresh = await startService(context, NATIVE[name], sources.get(name)!, { workers: count, extraEnv, signal });
      signal?.throwIfAborted();
      if (name === "postgres") await step("database", () => migrateDatabase(context));
      if (name === "kafka") {
        await step("topics", declareTopics);
        cold = fresh;
      }
    };
    try {
      await all(services.filter(isBaseService).map(start));
      const others = services.filter((name) => !isBaseService(name)).map(start);
      await all(warm && cold ? [...others, step("warm-up", warmUp)] : others);
      signal?.throwIfAborted();
    } catch (error) {
      if (!signal?.aborted) throw error;
      for (const name of started.toReversed()) await stopService(context, NATIVE[name]);
      forgetIdleShape(context);
      const what =
        started.length > 0 ? `stopped ${started.join(", ")}, which this run had started` : "nothing was started";
      throw new CliError(`interrupted: ${what}`, { exitCode: 130 });
    }
  }

  async function step(name: string, work: () => Promise<string>): Promise<void> {
    const begun = performance.now();
    const done = await work();
    context.progress.done(name, `${done} (${secondsSince(begun)})`);
  }

  // Loaded when they are needed: bun:ffi opens librdkafka, which may have been installed a moment ago.
  const declareTopics = async () => (await import("./topics.ts")).declareTopicsOnceElected(context);
  const warmUp = async () => (await import("./warm-up.ts")).warmUp(context);

  const runtimeNow = (service: ServiceName) => runtimeOf(readRecord(layout, service)?.variant);

  const pids = (service: ServiceName): number[] =>
    readRecord(layout, service)?.processes.map((process) => process.pid) ?? [];

  return {
    env,
    layout,
    context,
    pids,
    runtimeOf: runtimeNow,
    shape,
    sourceOf: (service) => sourceOf(service, config, { external, shape }),
    up: (services = SERVICES, upOptions = {}) => lock(() => upLocked(services, upOptions)),
    down: (services = SERVICES, { wipe = false } = {}) =>
      lock(async () => {
        const docker = services.some((name) => readRecord(layout, name)?.source === "docker");
        let ran = false;
        for (const name of SERVICES.toReversed()) {
          if (services.includes(name)) ran = (await stopService(context, NATIVE[name])) || ran;
        }
        forgetIdleShape(context);
        if (wipe) await wipeData(context, services, docker);
        return ran;
      }),
    async kill(service, signal) {
      const record = readRecord(layout, service);
      if (record?.container) return signalContainer(record.container, signal);
      for (const mark of record?.processes ?? []) signalProcess(mark, signal);
    },
    async waitReady(service, timeoutS = 30) {
      const deadline = performance.now() + timeoutS * 1000;
      while (!(await isReady(service, context))) {
        if (performance.now() > deadline) throw new CliError(`${service} did not answer within ${timeoutS} s`);
        await Bun.sleep(50);
      }
    },
  };
}

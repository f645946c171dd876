import { join, resolve } from "node:path";
import { type CliConfig, readConfig } from "./config.ts";
import { signalContainer } from "./docker.ts";
import { sourceOf, stackEnv } from "./env.ts";
import { CliError } from "./errors.ts";
import { type Layout, layoutOf, makeDirectories, portsOf, repositoryRoot } from "./layout.ts";
import { withLock } from "./lock.ts";
import { makeFilesPrivate, tightenModes } from "./private-files.ts";
import { pidsOf, readRecord, signalProcess } from "./processes.ts";
import { type Progress, silentProgress } from "./progress.ts";
import { isReady } from "./ready.ts";
import { keptReceiptKeys } from "./receipt-keys.ts";
import { type RuntimeName, runtimeOf } from "./runtime.ts";
import { keptSecrets } from "./secrets.ts";
import type { StackContext, StackEnv } from "./service.ts";
import { SERVICES, type ServiceName, type Source } from "./service-names.ts";
import { rememberedShape, type Shape } from "./shape.ts";
import { bringDown } from "./stop.ts";
import { bringUp, type StackChoice, type UpOptions } from "./up.ts";

/** A first installation of packages holds the lock longest. */
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
  /** For stacks of tests, see StackContext. Default no. */
  readonly mayLoseData?: boolean;
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
  /** How many processes the gateway is, or was when it ran last. */
  workers(): number;
  /** Process ids that live; empty for a service of the environment. */
  pids(service: ServiceName): number[];
  /** Sends a signal to all processes of a service. */
  kill(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the service answers. @throws CliError after `timeoutS` (default 30) */
  waitReady(service: ServiceName, timeoutS?: number): Promise<void>;
  sourceOf(service: ServiceName): Promise<Source>;
}

/** A stack of services in one directory. Starts nothing yet. */
export function createStack(options: StackOptions = {}): Stack {
  const context = contextOf(options);
  const choice: StackChoice = { external: options.external ?? true, isShapeChosen: options.cluster !== undefined };
  const { layout, config, env, shape } = context;
  const lock = <T>(work: () => Promise<T>) => {
    makeDirectories(layout);
    return withLock(join(layout.run, "lock"), "another ./dev up or down", LOCK_WAIT_S, () => {
      tightenModes(layout, context.progress);
      return work();
    });
  };
  return {
    env,
    layout,
    context,
    shape,
    pids: (service) => pidsOf(layout, service),
    workers: () => readRecord(layout, "gateway")?.wanted ?? 1,
    runtimeOf: (service) => runtimeOf(readRecord(layout, service)?.variant),
    sourceOf: (service) => sourceOf(service, config, { external: choice.external, shape }),
    up: (services = SERVICES, upOptions = {}) => lock(() => bringUp(context, choice, services, upOptions)),
    down: (services = SERVICES, { wipe = false } = {}) => lock(() => bringDown(context, services, wipe)),
    kill: (service, signal) => signalService(layout, service, signal),
    waitReady: (service, timeoutS = 30) => waitReady(context, service, timeoutS),
  };
}

function contextOf(options: StackOptions): StackContext {
  makeFilesPrivate();
  const { config = readConfig(), external = true, portOffset = 0, cluster, progress = silentProgress } = options;
  const root = repositoryRoot();
  const dir = resolve(options.dir ?? config.STAMPEDE_STACK ?? join(root, ".stack"));
  const layout = layoutOf(root, dir, config.STAMPEDE_KAFKA_LIBS);
  const ports = portsOf(config, portOffset);
  const secrets = keptSecrets(layout.secretsFile, config);
  const shape = cluster === undefined ? rememberedShape(layout) : cluster ? "cluster" : "single";
  const receiptKeys = keptReceiptKeys(layout.receiptKeysFile, config.RECEIPT_KEYS_FILE);
  const env = stackEnv(config, ports, secrets, { external, run: layout.run, shape, receiptKeys });
  const isOwnDatabase = !(external && config.DATABASE_URL);
  return {
    layout,
    ports,
    config,
    env,
    isOwnDatabase,
    passwords: secrets,
    progress,
    shape,
    mayLoseData: options.mayLoseData ?? false,
  };
}

async function signalService(layout: Layout, service: ServiceName, signal: NodeJS.Signals): Promise<void> {
  const record = readRecord(layout, service);
  if (record?.container) return signalContainer(record.container, signal);
  for (const mark of record?.processes ?? []) signalProcess(mark, signal);
}

async function waitReady(context: StackContext, service: ServiceName, timeoutS: number): Promise<void> {
  const deadline = performance.now() + timeoutS * 1000;
  while (!(await isReady(service, context))) {
    if (performance.now() > deadline) throw new CliError(`${service} did not answer within ${timeoutS} s`);
    await Bun.sleep(50);
  }
}

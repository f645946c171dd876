import { forgetIdleShape, refuseOtherAddresses, takeShape } from "./change-shape.ts";
import { installPackages } from "./debian.ts";
import { sourceOf } from "./env.ts";
import { CliError } from "./errors.ts";
import { requireSpace } from "./free-space.ts";
import { missingLibrdkafka } from "./librdkafka.ts";
import { NATIVE_SERVICES } from "./native-services.ts";
import { prepareNode } from "./node-runtime.ts";
import { pidsOf, readRecord } from "./processes.ts";
import { secondsSince } from "./progress.ts";
import { hasRuntime, type RuntimeName, runtimeOf, runtimeVariant } from "./runtime.ts";
import { migrateDatabase } from "./schema.ts";
import type { StackContext } from "./service.ts";
import { isBaseService, SERVICES, type ServiceName, type Source } from "./service-names.ts";
import { startService } from "./start.ts";
import { stopService } from "./stop.ts";
import { stopEarlierRelease } from "./upgrade.ts";

export interface UpOptions {
  /** Gateway processes that share the port. */
  readonly workers?: number | undefined;
  /** Roles of the consumers, comma-separated; default all. */
  readonly roles?: string | undefined;
  /** What runs gateway and consumers; default as before, at first Bun. */
  readonly runtime?: RuntimeName | undefined;
  /** Whether brokers that this call starts get some work before it returns, so that their first rush is as quick as the next. */
  readonly warm?: boolean | undefined;
  /** When it fires, what this call started is stopped again. */
  readonly signal?: AbortSignal | undefined;
}

/** How a stack was asked for. */
export interface StackChoice {
  /** Whether services of the environment are used where it names them. */
  readonly external: boolean;
  /** Whether the caller said if Redis and Kafka are a cluster. Without that, a stack keeps the shape that it has. */
  readonly isShapeChosen: boolean;
}

type Sources = ReadonlyMap<ServiceName, Source>;

/** One call of `up`. */
interface Run {
  readonly context: StackContext;
  readonly sources: Sources;
  readonly options: UpOptions;
  /** Services that this call starts, in the order of their starts. Each is noted before it is ready. */
  readonly started: ServiceName[];
}

const USES_LIBRDKAFKA: ReadonlySet<ServiceName> = new Set(["kafka", "gateway", "consumers"]);

/** Kafka's first segments and PostgreSQL's log need about this much. */
const FREE_BYTES = 1024 ** 3;

/**
 * Installs what is missing, then starts services and waits until they answer. The caller holds the stack's lock.
 * @throws CliError one sentence that says what to do
 */
export async function bringUp(
  context: StackContext,
  choice: StackChoice,
  asked: readonly ServiceName[],
  options: UpOptions,
): Promise<void> {
  const { layout, config, shape } = context;
  const { external, isShapeChosen } = choice;
  requireSpace(layout.dir, FREE_BYTES);
  refuseOtherAddresses(context);
  const earlier = await stopEarlierRelease(context);
  const services = SERVICES.filter((name) => asked.includes(name) || earlier.includes(name));
  const sources = new Map<ServiceName, Source>();
  for (const name of services) sources.set(name, await sourceOf(name, config, { external, shape }));
  await install(context, services, sources);
  await takeShape(context, isShapeChosen, (name) => stopService(context, NATIVE_SERVICES[name]));
  const runtimeFor = (name: ServiceName) => options.runtime ?? runtimeOf(readRecord(layout, name)?.variant);
  if (services.some((name) => hasRuntime(name) && runtimeFor(name) === "node")) await prepareNode(context);
  options.signal?.throwIfAborted();
  const run: Run = { context, sources, options, started: [] };
  try {
    await startAll(run, services);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    throw await undo(run);
  }
}

/** Packages that services need here and that are not installed. */
async function missingPackages(context: StackContext, services: readonly ServiceName[], sources: Sources) {
  const native = services.filter((name) => sources.get(name) === "native");
  const missing = await Promise.all(native.map((name) => NATIVE_SERVICES[name].missingPackages(context)));
  // Wherever the broker runs, this process declares its topics.
  if (services.some((name) => USES_LIBRDKAFKA.has(name))) missing.push(await missingLibrdkafka(context));
  return missing.flat();
}

async function install(context: StackContext, services: readonly ServiceName[], sources: Sources): Promise<void> {
  const missing = await missingPackages(context, services, sources);
  await installPackages(missing, context.layout.logOf("apt-get"), context.progress);
  const still = await missingPackages(context, services, sources);
  if (still.length === 0) return;
  throw new CliError(`${still.join(", ")} is installed, but its programs are not where they belong: reinstall it`);
}

/** Redis, PostgreSQL and Kafka first, side by side; then our own programs, and the warm-up of a broker beside them. */
async function startAll(run: Run, services: readonly ServiceName[]): Promise<void> {
  const { context, options } = run;
  const isNew = new Map<ServiceName, boolean>();
  const start = async (name: ServiceName) => void isNew.set(name, await startOne(run, name));
  await all(services.filter(isBaseService).map(start));
  const others = services.filter((name) => !isBaseService(name)).map(start);
  const isCold = isNew.get("kafka") === true;
  await all(options.warm && isCold ? [...others, step(context, "warm-up", () => warmUp(context))] : others);
  options.signal?.throwIfAborted();
}

/** @returns whether this call started it */
async function startOne({ context, sources, options, started }: Run, name: ServiceName): Promise<boolean> {
  const { roles, runtime, signal } = options;
  const source = sources.get(name)!;
  const extraEnv = {
    ...(name === "consumers" && roles !== undefined ? { ROLES: roles } : {}),
    ...(hasRuntime(name) && runtime !== undefined ? runtimeVariant(runtime) : {}),
  };
  const workers = name === "gateway" ? options.workers : undefined;
  // Noted before it is ready: an interrupted start is stopped as well.
  if (source !== "environment" && pidsOf(context.layout, name).length === 0) started.push(name);
  const isNew = await startService(context, NATIVE_SERVICES[name], source, { workers, extraEnv, signal });
  signal?.throwIfAborted();
  if (name === "postgres") await step(context, "database", () => migrateDatabase(context));
  if (name === "kafka") await step(context, "topics", () => declareTopics(context));
  return isNew;
}

/** Stops what an interrupted call started. @returns the error that says so */
async function undo({ context, started }: Run): Promise<CliError> {
  for (const name of started.toReversed()) await stopService(context, NATIVE_SERVICES[name]);
  forgetIdleShape(context);
  const what = started.length > 0 ? `stopped ${started.join(", ")}, which this run had started` : "nothing was started";
  return new CliError(`interrupted: ${what}`, { exitCode: 130 });
}

async function step(context: StackContext, name: string, work: () => Promise<string>): Promise<void> {
  const begun = performance.now();
  const done = await work();
  context.progress.done(name, `${done} (${secondsSince(begun)})`);
}

// Loaded when they are needed: bun:ffi opens librdkafka, which may have been installed a moment ago.
const declareTopics = async (context: StackContext) => (await import("./topics.ts")).declareTopicsOnceElected(context);
const warmUp = async (context: StackContext) => (await import("./warm-up.ts")).warmUp(context);

/** Waits for all of them to end. @throws the error of the first in the list that failed */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

import { shownAddress } from "./env.ts";
import { CliError } from "./errors.ts";
import { lastWordsOf } from "./last-words.ts";
import { StartPatience } from "./patience.ts";
import { isAlive, type ProcessMark } from "./processes.ts";
import { isReady } from "./ready.ts";
import type { StackContext } from "./service.ts";
import type { ServiceName } from "./service-names.ts";
import { type Startup, startupOf } from "./starting.ts";

const POLL_MS = 50;
/** A start that takes longer than this is asked what it is doing. */
const ASK_AFTER_MS = 1_000;
const ASK_EVERY_MS = 500;
/** Between two lines about one start. */
const TELL_EVERY_MS = 3_000;

export interface ReadyOptions {
  /** Of a service that says nothing; one that reads its data and gets on is waited for longer. */
  readonly timeoutS: number;
  readonly processes: readonly ProcessMark[];
  /** Where in the log this start began to write, bytes. Absent: the log is not ours to read. */
  readonly logFrom?: number;
  /** What else must be so. */
  readonly also?: () => boolean | Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  /** What a person does about one that does not answer. Default: they read its log. */
  readonly remedy?: string;
  /** How long one that reads its data may stand still. Default a minute. */
  readonly stallMs?: number;
}

/**
 * Waits until a service answers. One that loads or replays its data (Redis, PostgreSQL, Kafka) is waited for as long as it
 * gets on, with a line about it now and then.
 * @throws CliError when it does not in time, or one of its processes died
 */
export async function untilReady(context: StackContext, service: ServiceName, options: ReadyOptions): Promise<void> {
  const patience = new StartPatience(options.timeoutS * 1_000, performance.now(), options.stallMs);
  const log = context.layout.logOf(service);
  const tell = teller(context, service);
  let askAt = performance.now() + ASK_AFTER_MS;
  while (!((await (options.also?.() ?? true)) && (await isReady(service, context)))) {
    options.signal?.throwIfAborted();
    const dead = options.processes.find((process) => !isAlive(process));
    if (dead) throw new CliError(`${service} stopped while it started: ${lastWordsOf(log, options.logFrom)} (${log})`);
    let starting = false;
    if (performance.now() >= askAt || patience.isOver(performance.now())) {
      const startup = await startupOf(service, context, options.logFrom);
      askAt = performance.now() + ASK_EVERY_MS;
      patience.saw(startup, performance.now());
      tell(startup);
      starting = startup !== null;
    }
    if (patience.isOver(performance.now())) {
      const where = shownAddress(service, context.env);
      throw new CliError(
        `${service} at ${where} ${patience.complaint}: ${options.remedy ?? `see \`./dev logs ${service}\``}`,
      );
    }
    // A server in recovery writes a line about each question, and has better things to do.
    await Bun.sleep(starting ? ASK_EVERY_MS : POLL_MS);
  }
}

/** Says what a start is doing: after three seconds first, and only when there is something new to say. */
function teller({ progress }: StackContext, service: ServiceName): (startup: Startup | null) => void {
  let tellAt = performance.now() + TELL_EVERY_MS;
  let told = "";
  return (startup) => {
    if (startup === null || startup.doing === told || performance.now() < tellAt) return;
    tellAt = performance.now() + TELL_EVERY_MS;
    told = startup.doing;
    progress.begin(service, told);
  };
}

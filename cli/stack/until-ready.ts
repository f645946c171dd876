import { CliError } from "../errors.ts";
import { shownAddress } from "./env.ts";
import { lastWordsOf } from "./last-words.ts";
import { isAlive, type ProcessMark } from "./processes.ts";
import { isReady } from "./ready.ts";
import type { ServiceName, StackContext } from "./service.ts";

const POLL_MS = 50;

/** Waits until a service answers. @throws CliError when it does not in time, or one of its processes died */
export async function untilReady(
  context: StackContext,
  service: ServiceName,
  options: {
    readonly timeoutS: number;
    readonly processes: readonly ProcessMark[];
    /** Where in the log this start began to write, bytes. */
    readonly logFrom?: number;
    /** What else must be so. */
    readonly also?: () => boolean | Promise<boolean>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const deadline = performance.now() + options.timeoutS * 1000;
  const log = context.layout.logOf(service);
  while (!((await (options.also?.() ?? true)) && (await isReady(service, context)))) {
    options.signal?.throwIfAborted();
    const dead = options.processes.find((process) => !isAlive(process));
    if (dead) throw new CliError(`${service} stopped while it started: ${lastWordsOf(log, options.logFrom)} (${log})`);
    if (performance.now() > deadline) {
      const where = shownAddress(service, context.env);
      throw new CliError(
        `${service} at ${where} did not answer within ${options.timeoutS} s: see \`./dev logs ${service}\``,
      );
    }
    await Bun.sleep(POLL_MS);
  }
}

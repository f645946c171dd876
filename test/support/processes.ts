import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildForNode } from "../../ops/node/build.ts";
import { freePort } from "./free-port.ts";
import { testStack } from "./stack.ts";

/** A gateway or consumers process of a test's own. */
export interface TestProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves with the exit code (128 + n for a signal) when it is gone. */
  readonly exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits until it is gone. @returns the exit code */
  stop(): Promise<number>;
  /** All it wrote. */
  output(): string;
}

/** SIGSTOP has reached the process. */
export const isStopped = (pid: number): boolean => /\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

type ProgramName = "gateway" | "consumers" | "payment-simulator";

const READY_S = 60;
let built: Promise<unknown> | undefined;

/** How to start one of ours. STAMPEDE_TEST_RUNTIME=node makes it the Node program, for one process or a whole test run. */
async function programOf(
  name: ProgramName,
  root: string,
  runtime = process.env.STAMPEDE_TEST_RUNTIME,
): Promise<string[]> {
  // The simulator is a tool of this machine: it runs on Bun, whatever runs Stampede.
  if (runtime !== "node" || name === "payment-simulator") return [process.execPath, join(root, name, "main.bun.ts")];
  built ??= buildForNode();
  await built;
  return [process.env.STAMPEDE_NODE ?? "node", "--enable-source-maps", join(root, "dist", `${name}.mjs`)];
}

let count = 0;

async function startProcess(name: ProgramName, port: number, env: Record<string, string>): Promise<TestProcess> {
  const stack = await testStack();
  const { root, log } = stack.layout;
  mkdirSync(log, { recursive: true });
  const logFile = join(log, `${name}-${process.pid}-${++count}.log`);
  const output = openSync(logFile, "w");
  const child = Bun.spawn(await programOf(name, root, env.STAMPEDE_TEST_RUNTIME), {
    cwd: root,
    env: { ...process.env, ...stack.env, NODE_ENV: "test", SHUTDOWN_DELAY_MS: "0", ...env },
    stdio: ["ignore", output, output],
  });
  const started: TestProcess = {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    exited: child.exited,
    kill: (signal) => child.kill(signal),
    stop: () => {
      child.kill("SIGTERM");
      return child.exited;
    },
    output: () => readFileSync(logFile, "utf8"),
  };
  const readyPort = Number(env.MACHINE_PORT ?? port);
  await untilReady(started, name, readyPort, () => child.exitCode !== null || child.signalCode !== null);
  return started;
}

async function untilReady(started: TestProcess, name: string, readyPort: number, isGone: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_S * 1000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${readyPort}/health/ready`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    if (isGone()) throw new Error(`${name} stopped while it started:\n${started.output()}`);
    if (performance.now() > deadline) {
      started.kill("SIGKILL");
      throw new Error(`Waited in vain: ${name} is ready after ${READY_S} s:\n${started.output()}`);
    }
    await Bun.sleep(50);
  }
}

/** Starts a gateway on the tests' stack and waits until it is ready. Its log is in .stack/test/log. */
export function startGateway(extraEnv: Record<string, string> = {}, port: number = freePort()): Promise<TestProcess> {
  // One listener for all audiences; test/e2e/listeners.e2e.test.ts has them apart.
  const ports = { GATEWAY_PORT: String(port), ADMIN_PORT: String(port), MACHINE_PORT: String(port) };
  return startProcess("gateway", port, { ...ports, ...extraEnv });
}

/** Starts a payment simulator. Without PAYMENT_SIMULATOR_BOOKS in its environment it forgets when it ends. */
export function startPaymentSimulator(
  extraEnv: Record<string, string> = {},
  port: number = freePort(),
): Promise<TestProcess> {
  return startProcess("payment-simulator", port, { PAYMENT_SIMULATOR_PORT: String(port), ...extraEnv });
}

/** Starts a consumers process with some roles (empty: all) and waits until it is ready. */
export function startConsumers(
  roles: readonly string[] = [],
  extraEnv: Record<string, string> = {},
): Promise<TestProcess> {
  const port = freePort();
  const env = { CONSUMERS_PORT: String(port), ...(roles.length > 0 ? { ROLES: roles.join(",") } : {}), ...extraEnv };
  return startProcess("consumers", port, env);
}

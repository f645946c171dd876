import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inheritedEnvironment } from "../../stack/config.ts";
import { gateway } from "../../stack/gateway.ts";
import { createStack } from "../../stack/stack.ts";
import type { Target } from "../target.ts";
import type { FromPaced, PacedPlan, PacedResult } from "./plan.ts";

const READY_MS = 30_000;

export interface Started {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** A port that nothing listens on. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

async function untilTrue(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!(await isTrue().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(50);
  }
}

/** A gateway of its kind beside the stack's: it trusts this machine as a proxy, so that load can come from many addresses. */
export async function startGuardedGateway(): Promise<Started> {
  const { context, runtimeOf } = createStack();
  const port = freePort();
  const ports = { ...context.ports, gateway: port, admin: freePort(), machine: freePort() };
  const env = { ...context.env, GATEWAY_PORT: String(port), ADMIN_PORT: String(ports.admin) };
  const command = gateway.command({ ...context, ports, env }, runtimeOf("gateway"), 0);
  const own = { DOCS: "public", TRUSTED_PROXIES: "127.0.0.1", LOG_LEVEL: "error", SHUTDOWN_DELAY_MS: "0" };
  const child = Bun.spawn([...command.argv], {
    cwd: context.layout.root,
    env: { ...inheritedEnvironment(), ...command.env, ...own },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await untilTrue("the gateway answers", async () => (await fetch(`http://127.0.0.1:${port}/health/live`)).ok);
  return {
    pid: child.pid,
    port,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** The yardstick: a constant server in C if a compiler is there, else Bun.serve, whose answers cost about twice as much. */
export async function startConstantServer(): Promise<Started & { readonly kind: "epoll in C" | "Bun.serve" }> {
  const port = freePort();
  const program = join(mkdtempSync(join(tmpdir(), "stampede-")), "constant");
  const source = join(import.meta.dir, "constant.c");
  const compiler = Bun.which("cc");
  const isNative = compiler !== null && Bun.spawnSync([compiler, "-O2", "-o", program, source]).exitCode === 0;
  const script = `Bun.serve({hostname:"127.0.0.1",port:${port},fetch:()=>new Response("{}",{status:429,headers:{"retry-after":"1"}})})`;
  const child = Bun.spawn(isNative ? [program, String(port)] : [process.execPath, "-e", script], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await untilTrue("the constant server answers", async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 429);
  return {
    kind: isNative ? "epoll in C" : "Bun.serve",
    pid: child.pid,
    port,
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Runs a plan in another process. @throws Error when it fails */
export async function drivePaced(
  target: Target,
  wish: Omit<PacedPlan, "host" | keyof Target["tokens"]>,
): Promise<PacedResult> {
  const { promise, resolve, reject } = Promise.withResolvers<PacedResult>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.bun.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: FromPaced) {
      if (message.type === "failed") reject(new Error(`the load process failed: ${message.message}`));
      else resolve(message.result);
    },
    onExit: (_process, code) => reject(new Error(`the load process ended early (exit ${code})`)),
  });
  child.send({ ...target.tokens, ...wish, host: "127.0.0.1" } satisfies PacedPlan);
  try {
    return await promise;
  } finally {
    child.kill();
    await child.exited;
  }
}

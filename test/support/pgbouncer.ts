import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenersOn } from "../../stack/ports.ts";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** Why there is no PgBouncer to test behind; undefined: there is one. `./dev test` installs it where it can. */
export const NO_PGBOUNCER = Bun.which("pgbouncer")
  ? undefined
  : "pgbouncer is not installed (apt-get install pgbouncer)";

export interface PgBouncer {
  /** The same database, through it. */
  readonly url: string;
  remove(): Promise<void>;
}

const idOf = (kind: "-u" | "-g") => Number(Bun.spawnSync(["id", kind, "postgres"]).stdout.toString());

/** A PgBouncer with its defaults in front of a database: `settings` are the lines of its configuration that differ. */
export async function startPgBouncer(databaseUrl: string, settings: readonly string[]): Promise<PgBouncer> {
  const server = new URL(databaseUrl);
  const home = mkdtempSync(join(tmpdir(), "stampede-pgbouncer-"));
  const port = freePort();
  const asRoot = process.getuid?.() === 0;
  const ini = join(home, "pgbouncer.ini");
  const users = join(home, "users.txt");
  writeFileSync(users, `"${server.username}" "${server.password}"\n`);
  const lines = [
    ...["[databases]", `* = host=${server.hostname} port=${server.port || 5432}`, "[pgbouncer]"],
    ...[
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = trust",
      `auth_file = ${users}`,
    ],
    ...settings,
  ];
  writeFileSync(ini, `${lines.join("\n")}\n`);
  for (const file of asRoot ? [home, ini, users] : []) chownSync(file, idOf("-u"), idOf("-g"));
  chmodSync(home, 0o755);
  // It refuses to run as root.
  const argv = asRoot ? ["runuser", "-u", "postgres", "--", "pgbouncer", "-q", ini] : ["pgbouncer", "-q", ini];
  const child: ChildProcess = spawn(argv[0]!, argv.slice(1), { stdio: "ignore" });
  process.once("exit", () => void child.kill("SIGKILL"));
  await until("PgBouncer listens", () => listenersOn(port) > 0);
  const url = Object.assign(new URL(databaseUrl), { hostname: "127.0.0.1", port: String(port) }).href;
  return {
    url,
    async remove() {
      child.kill("SIGTERM");
      await until("PgBouncer is gone", () => listenersOn(port) === 0);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { migrate } from "../../db/migrate.ts";
import { freePort } from "./free-port.ts";

/** A PostgreSQL of the tests' own, which they may stop and start. */
export interface PostgresServer {
  /** Of the maintenance database. */
  readonly url: string;
  readonly port: number;
  /** Immediate shutdown, as a crash: what was committed is there after `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  remove(): void;
}

function binaries(): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions
    .map((version) => join(debian, version, "bin"))
    .find((path) => existsSync(join(path, "initdb")));
  if (found !== undefined) return found;
  const inPath = spawnSync("which", ["initdb"]).stdout?.toString().trim();
  if (inPath) return join(inPath, "..");
  throw new Error("no PostgreSQL found: install the package postgresql, or set DATABASE_URL");
}

/** PostgreSQL refuses to run as root. */
const asPostgres = (argv: readonly string[]): string[] =>
  process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--", ...argv] : [...argv];

function run(argv: readonly string[]): void {
  const [command, ...rest] = asPostgres(argv);
  const done = spawnSync(command!, rest);
  if (done.status !== 0) throw new Error(`${argv[0]} failed: ${done.stderr?.toString() ?? done.error?.message}`);
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {}, fetch_types: false });
  try {
    await sql`SELECT 1`;
    return true;
  } catch {
    return false; // not up yet
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Data on disk, but without fsync: these tests kill the server, not the machine. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries();
  const home = mkdtempSync(join(tmpdir(), "stampede-postgres-"));
  if (process.getuid?.() === 0) spawnSync("chown", ["postgres", home]);
  chmodSync(home, 0o700);
  const data = join(home, "data");
  run([join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]);
  const port = freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${home}`, "fsync=off"];
  let server: ChildProcess | undefined;
  const start = async () => {
    const argv = asPostgres([join(bin, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])]);
    server = spawn(argv[0]!, argv.slice(1), { stdio: "ignore" });
    const deadline = performance.now() + 60_000;
    while (!(await answers(url))) {
      if (server.exitCode !== null) throw new Error("PostgreSQL stopped while it started");
      if (performance.now() > deadline) throw new Error("Waited in vain: PostgreSQL is up");
      await Bun.sleep(50);
    }
  };
  const stopNow = () =>
    spawnSync(asPostgres([join(bin, "pg_ctl")])[0]!, [
      ...asPostgres([join(bin, "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop"]).slice(1),
    ]);
  const stop = async () => {
    stopNow();
    while (server !== undefined && server.exitCode === null && server.signalCode === null) await Bun.sleep(20);
  };
  const remove = () => {
    stopNow();
    rmSync(home, { recursive: true, force: true });
  };
  await start();
  return { url, port, stop, start, remove };
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

// A private server lives as long as it has a database in use: bun's test runner ends without an exit event, so
// nothing else would stop it.
let privateServer: Promise<PostgresServer> | undefined;
let users = 0;

async function sharedServer(): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  users++;
  privateServer ??= startPostgres();
  return (await privateServer).url;
}

async function release(): Promise<void> {
  if (process.env.DATABASE_URL || --users > 0) return;
  const server = await privateServer;
  privateServer = undefined;
  if (server !== undefined) templates.delete(server.url);
  server?.remove();
}

const templates = new Map<string, Promise<string>>();

async function admin<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

const named = (url: string, database: string) => Object.assign(new URL(url), { pathname: `/${database}` }).href;

/** Migrated once per process and server; copying a template takes 30 ms, migrating 200. */
function template(server: string): Promise<string> {
  let made = templates.get(server);
  if (made === undefined) {
    const name = `template_${process.pid}_${Date.now().toString(36)}`;
    made = (async () => {
      await admin(server, (sql) => sql`CREATE DATABASE ${sql(name)}`);
      await migrate(named(server, name));
      return name;
    })();
    templates.set(server, made);
  }
  return made;
}

/** A new migrated database without rows. `server`: the URL of the server; default the shared one. */
export async function freshDatabase(server?: string): Promise<TestDatabase> {
  const url = server ?? (await sharedServer());
  return createDatabase(url, await template(url), server === undefined);
}

/** A database without a schema, for who tests migrations. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase(await sharedServer(), "template1", true);
}

async function createDatabase(url: string, source: string, isShared: boolean): Promise<TestDatabase> {
  const name = `test_${process.pid}_${crypto.randomUUID().slice(0, 8)}`;
  await admin(url, (sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(source)}`);
  return {
    url: named(url, name),
    async drop() {
      await admin(url, (sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`);
      if (isShared) await release();
    },
  };
}

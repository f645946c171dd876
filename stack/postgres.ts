import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CliError } from "./errors.ts";
import { type Layout, reachableByOthers, shortNameOf } from "./layout.ts";
import type { NativeService, StackContext } from "./service.ts";

const OLDEST = 15;
/** They look for their parent every few seconds at the latest. */
const ORPHANS_MS = 15_000;

/** The newest installed server's programs. Debian keeps them out of PATH, by version. */
function programs(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .map(Number)
        .filter((v) => v >= OLDEST)
    : [];
  const newest = versions.sort((a, b) => b - a).find((v) => existsSync(`${debian}/${v}/bin/initdb`));
  if (newest) return `${debian}/${newest}/bin`;
  const initdb = Bun.which("initdb");
  return initdb ? dirname(realpathSync(initdb)) : null;
}

const asRoot = () => process.getuid?.() === 0;

/** Each test makes databases; flushing them to disk takes longer than many of the tests. */
const UNFLUSHED = ["-c", "fsync=off", "-c", "full_page_writes=off"];

/** PostgreSQL refuses to run as root: root hands it to the user that Debian's package made. */
const asPostgres = (argv: readonly string[]): string[] =>
  asRoot() ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", ...argv] : [...argv];

/**
 * The data directory. Where root's clone lies in a place that user postgres cannot walk to (/root), the data lies in
 * /var/tmp and the stack holds a link to it.
 */
function makeDataDirectory(layout: Layout): string {
  const place = layout.dataOf("postgres");
  if (existsSync(place)) return place;
  rmSync(place, { force: true }); // a link to a directory that is gone
  if (asRoot() && !reachableByOthers(layout.data)) {
    const elsewhere = `/var/tmp/stampede-postgres-${shortNameOf(place)}`;
    mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
    symlinkSync(elsewhere, place);
  } else {
    mkdirSync(place, { recursive: true, mode: 0o700 });
  }
  return place;
}

/** Deletes the data, also where it lies behind a link. */
export function wipePostgres(layout: Layout): void {
  const place = layout.dataOf("postgres");
  if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) {
    rmSync(readlinkSync(place), { recursive: true, force: true });
  }
  rmSync(place, { recursive: true, force: true });
}

/** Whether a server, or what a killed one left, works in this data directory. */
function isInUse(data: string): boolean {
  return readdirSync("/proc").some((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/cwd`) === data;
    } catch {
      return false; // gone meanwhile, or a zombie
    }
  });
}

/**
 * After kill -9 the server's children live on for a moment, and a new server refuses to start on their data. It also refuses
 * while its lock file names a process id that exists: a zombie that no process reaps (in containers), or another program that
 * got the same id.
 */
async function cleanUpAfterCrash(data: string): Promise<void> {
  if (!existsSync("/proc/self/cwd")) return;
  const deadline = performance.now() + ORPHANS_MS;
  while (isInUse(data) && performance.now() < deadline) await Bun.sleep(50);
  if (!isInUse(data)) rmSync(join(data, "postmaster.pid"), { force: true });
}

async function run(argv: readonly string[], what: string, input?: string): Promise<void> {
  const stdin = input === undefined ? ("ignore" as const) : Buffer.from(input);
  const child = Bun.spawn([...argv], { cwd: "/", stdio: [stdin, "ignore", "pipe"], detached: true });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new CliError(`${what} failed: ${errors.trim().split("\n").at(-1)}`);
}

/** Everybody needs a password, whichever way they come. */
const ACCESS = "host all all all scram-sha-256\nlocal all all scram-sha-256\n";

/** A file in the data directory, readable by the user that PostgreSQL runs as. */
async function writeForPostgres(file: string, text: string): Promise<void> {
  writeFileSync(file, text, { mode: 0o600 });
  if (asRoot()) await run(["chown", "postgres:postgres", file], "chown");
}

/**
 * Gives the owner the stack's password. A stack of an earlier release has none, and the server refuses everybody without one, so
 * it is set before the server starts. A note in the data says which password was set, as a hash.
 * @returns whether the password was set now
 */
async function setOwnerPassword(data: string, { passwords }: StackContext): Promise<boolean> {
  const note = join(data, "stampede.password");
  const wanted = createHash("sha256").update(passwords.POSTGRES_PASSWORD).digest("hex");
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return false;
  const single = ["--single", "-D", data, "-c", `config_file=${data}/stampede.conf`, "postgres"];
  const statement = `ALTER ROLE stampede PASSWORD '${passwords.POSTGRES_PASSWORD}'\n`;
  await run(asPostgres([join(programs()!, "postgres"), ...single]), "setting PostgreSQL's password", statement);
  await writeForPostgres(note, wanted);
  return true;
}

/** PostgreSQL as a native process: `ops/postgres/postgresql.conf`, loopback only, with passwords. */
export const postgres: NativeService = {
  name: "postgres",
  stopSignal: "SIGINT", // "fast": ends sessions, writes a checkpoint
  startTimeoutS: 30,
  stopTimeoutS: 20,
  ports: ({ ports }) => [{ port: ports.postgres, variable: "STAMPEDE_POSTGRES_PORT" }],

  async missingPackages() {
    const bin = programs();
    if (!bin) return ["postgresql"];
    const version = Bun.spawnSync([join(bin, "postgres"), "--version"])
      .stdout.toString()
      .match(/(\d+)/)?.[1];
    if (Number(version) < OLDEST) {
      throw new CliError(`PostgreSQL ${version} is too old: install ${OLDEST} or newer, or set DATABASE_URL`);
    }
    return [];
  },

  async prepare(context: StackContext) {
    const { layout } = context;
    const data = realpathSync(makeDataDirectory(layout));
    const isNew = !existsSync(join(data, "global", "pg_control"));
    if (isNew) {
      rmSync(data, { recursive: true, force: true }); // an initdb that was interrupted
      mkdirSync(data, { recursive: true, mode: 0o700 });
      if (asRoot()) await run(["chown", "postgres:postgres", data], "chown");
      // Byte order for text: ids compare as bytes, and no locale of the machine changes an index.
      const options = ["--encoding=UTF8", "--no-locale", "--username=stampede", "--auth=reject"];
      await run(asPostgres([join(programs()!, "initdb"), "-D", data, ...options]), "initdb");
    }
    await cleanUpAfterCrash(data);
    // A copy, because the repository may be out of reach for user postgres.
    await writeForPostgres(
      join(data, "stampede.conf"),
      readFileSync(join(layout.root, "ops/postgres/postgresql.conf"), "utf8"),
    );
    await writeForPostgres(join(data, "pg_hba.conf"), ACCESS);
    if ((await setOwnerPassword(data, context)) && !isNew) {
      context.progress.done("postgres", "its owner has a password now; nobody is let in without one");
    }
  },

  command: ({ layout, ports, mayLoseData }) => {
    const data = realpathSync(layout.dataOf("postgres"));
    const options = ["-D", data, "-c", `config_file=${data}/stampede.conf`, "-p", String(ports.postgres)];
    if (mayLoseData) options.push(...UNFLUSHED);
    return { argv: asPostgres([join(programs()!, "postgres"), ...options]) };
  },
};

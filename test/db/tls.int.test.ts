import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let server: PostgresServer;
let certificate: Certificate;

const encrypted = `
  import { openPostgres } from ${JSON.stringify(join(import.meta.dir, "../../db/connect.ts"))};
  const sql = openPostgres(process.env.DATABASE_URL, { max: 1, connect_timeout: 10 });
  const told = await sql\`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\`.then(([row]) => row.ssl ? "encrypted" : "plain", () => "refused");
  console.log(told);
  await sql.end({ timeout: 1 });`;

/** How a process with these settings reaches the server. */
function connection(query: string, env: Record<string, string> = {}): string {
  const url = `postgres://postgres@localhost:${server.port}/postgres${query}`;
  const child = Bun.spawnSync([process.execPath, "-e", encrypted], {
    env: { PATH: process.env.PATH!, DATABASE_URL: url, ...env },
  });
  return child.stdout.toString().trim();
}

beforeAll(async () => {
  certificate = makeCertificate();
  server = await startPostgres();
  chmodSync(certificate.key, 0o600);
  if (process.getuid!() === 0) spawnSync("chown", ["postgres", certificate.key]); // it takes no key that others may read
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`ALTER SYSTEM SET ssl_cert_file = '${certificate.certificate}'`);
  await sql.unsafe(`ALTER SYSTEM SET ssl_key_file = '${certificate.key}'`);
  await sql.unsafe("ALTER SYSTEM SET ssl = on");
  await sql`SELECT pg_reload_conf()`;
  await sql.end();
  await until("PostgreSQL speaks TLS", async () => connection("?sslmode=require") === "encrypted");
}, 120_000);

afterAll(() => {
  server?.remove();
  certificate?.remove();
});

test("sslmode says whether a connection is encrypted, and verify-full believes known certificates only", () => {
  expect(connection("")).toBe("plain");
  expect(connection("?sslmode=require")).toBe("encrypted");
  expect(connection("?sslmode=verify-full")).toBe("refused");
  expect(connection("?sslmode=verify-full", { NODE_EXTRA_CA_CERTS: certificate.certificate })).toBe("encrypted");
}, 60_000);

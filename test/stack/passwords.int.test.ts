import { afterAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { sandbox } from "./cli.ts";

const box = sandbox();
afterAll(() => box.remove());

const modeOf = (path: string) => statSync(join(box.dir, path)).mode & 0o777;
const recordFile = (service: string) => join(box.dir, "run", `${service}.pid.json`);

async function askRedis(login: string): Promise<string> {
  const redis = new Bun.RedisClient(`redis://${login}127.0.0.1:${box.ports.redis}`, { autoReconnect: false });
  try {
    return String(await redis.ping());
  } catch (error) {
    return String((error as Error).message);
  } finally {
    redis.close();
  }
}

async function askPostgres(login: string): Promise<string> {
  const sql = postgres(`postgres://${login}@127.0.0.1:${box.ports.postgres}/postgres`, { max: 1 });
  try {
    const [row] = await sql`SELECT current_user::text AS name`;
    return row!.name;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const WRONG_PASSWORD = "28P01";

test("Redis and PostgreSQL of a stack let nobody in without the password", async () => {
  expect(await box.run(["up", "redis", "postgres"])).toMatchObject({ code: 0, errors: "" });
  expect(await askRedis("")).toContain("NOAUTH");
  expect(await askRedis("default:wrong@")).toContain("WRONGPASS");
  expect(await askRedis(`default:${box.password("REDIS_PASSWORD")}@`)).toBe("PONG");
  expect(await askPostgres("stampede:wrong")).toBe(WRONG_PASSWORD);
  expect(await askPostgres(`stampede:${box.password("POSTGRES_PASSWORD")}`)).toBe("stampede");
}, 120_000);

test("no argument of a process has a password, and its files are the owner's alone", () => {
  const passwords = [box.password("REDIS_PASSWORD"), box.password("POSTGRES_PASSWORD")];
  for (const service of ["redis", "postgres"]) {
    const argv = readFileSync(`/proc/${box.pids(service)[0]}/cmdline`, "utf8");
    for (const password of passwords) expect(argv).not.toContain(password);
  }
  for (const file of ["secrets.json", "data/redis/stampede.conf", "log/redis.log"]) expect(modeOf(file)).toBe(0o600);
  for (const directory of ["log", "run", "data/redis"]) expect(modeOf(directory)).toBe(0o700);
  // Root's PostgreSQL is another user, who may walk through and not list.
  const walkable = process.getuid!() === 0 ? 0o711 : 0o700;
  expect([modeOf("."), modeOf("data")]).toEqual([walkable, walkable]);
});

test("no process has a capability of root", () => {
  for (const service of ["redis", "postgres"]) {
    const status = readFileSync(`/proc/${box.pids(service)[0]}/status`, "utf8");
    expect(/^CapEff:\s+(\w+)$/m.exec(status)![1]).toMatch(/^0+$/);
    expect(/^CapPrm:\s+(\w+)$/m.exec(status)![1]).toMatch(/^0+$/);
  }
});

test("up gives passwords to services that an earlier release started, and closes its files", async () => {
  const before = { redis: box.pids("redis"), postgres: box.pids("postgres") };
  // As an earlier release leaves them: no generation in the records, files that others may read, no passwords.
  for (const service of ["redis", "postgres"]) {
    const { generation: _, ...record } = JSON.parse(readFileSync(recordFile(service), "utf8"));
    writeFileSync(recordFile(service), JSON.stringify(record));
  }
  const {
    REDIS_PASSWORD: _r,
    POSTGRES_PASSWORD: _p,
    ...rest
  } = JSON.parse(readFileSync(join(box.dir, "secrets.json"), "utf8"));
  writeFileSync(join(box.dir, "secrets.json"), JSON.stringify(rest));
  for (const path of [".", "log", "run"]) chmodSync(join(box.dir, path), 0o755);
  chmodSync(join(box.dir, "log/redis.log"), 0o644);

  // Only one was asked for. The other one is restarted too, because it would let everybody in.
  const up = await box.run(["up", "redis"]);
  expect(up).toMatchObject({ code: 0, errors: "" });
  expect(up.out).toMatch(/✓ modes +\d+ files and directories of the stack are now readable by you only/);
  expect(up.out).toMatch(
    /✓ upgrade +stopped redis, postgres of an earlier release; Redis and PostgreSQL get passwords/,
  );
  expect(up.out).toMatch(/✓ postgres +its owner has a password now/);
  expect(modeOf("log/redis.log")).toBe(0o600);
  expect(box.pids("redis")).not.toEqual(before.redis);
  expect(box.pids("postgres")).not.toEqual(before.postgres);
  expect(await askRedis(`default:${box.password("REDIS_PASSWORD")}@`)).toBe("PONG");
  expect(await askPostgres(`stampede:${box.password("POSTGRES_PASSWORD")}`)).toBe("stampede");
  const again = await box.run(["up", "redis", "postgres"]);
  expect(again.out).not.toMatch(/upgrade|modes|password/);
}, 120_000);

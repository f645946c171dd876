import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beganAt } from "../../stack/processes.ts";
import { sandbox } from "./cli.ts";

const box = sandbox();
afterAll(() => box.remove());

const redisUrl = () => `redis://default:${box.password("REDIS_PASSWORD")}@127.0.0.1:${box.ports.redis}`;

async function ask<T>(work: (redis: Bun.RedisClient) => Promise<T>): Promise<T> {
  const redis = new Bun.RedisClient(redisUrl(), { autoReconnect: false });
  try {
    return await work(redis);
  } finally {
    redis.close();
  }
}

test("up starts a service, writes its process id, and does nothing the second time", async () => {
  const first = await box.run(["up", "redis"]);
  expect(first).toMatchObject({ code: 0, errors: "" });
  expect(first.out).toMatch(
    new RegExp(`✓ redis +ready in \\d+\\.\\d s \\(native, 127\\.0\\.0\\.1:${box.ports.redis}\\)`),
  );
  const pids = box.pids("redis");
  expect(pids).toHaveLength(1);
  const second = await box.run(["up", "redis"]);
  expect(second.out).toMatch(/✓ redis +already up/);
  expect(box.pids("redis")).toEqual(pids);
});

test("a Redis of the stack has a limit, never evicts and keeps an append-only file", async () => {
  const settings = await ask((redis) =>
    Promise.all(
      ["maxmemory-policy", "appendonly", "appendfsync", "save"].map((name) => redis.send("CONFIG", ["GET", name])),
    ),
  );
  const limit = (await ask((redis) => redis.send("CONFIG", ["GET", "maxmemory"]))) as { maxmemory: string };
  expect(Number(limit.maxmemory)).toBeGreaterThan(0);
  expect(settings).toEqual([
    { "maxmemory-policy": "noeviction" },
    { appendonly: "yes" },
    { appendfsync: "everysec" },
    { save: "" },
  ]);
});

test("two ups at once start one process", async () => {
  await box.run(["down"]);
  const both = await Promise.all([box.run(["up", "redis"]), box.run(["up", "redis"])]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(both.filter(({ out }) => out.includes("already up"))).toHaveLength(1);
});

test("a killed service is started again, with its data", async () => {
  await ask(async (redis) => {
    await redis.send("CONFIG", ["SET", "appendfsync", "always"]); // on disk, however busy that is
    await redis.set("kept", "yes");
  });
  const [killed] = box.pids("redis");
  process.kill(killed!, "SIGKILL");
  expect((await box.run(["up", "redis"])).out).toMatch(/✓ redis +ready/);
  expect(box.pids("redis")).not.toEqual([killed!]);
  expect(await ask((redis) => redis.get("kept"))).toBe("yes");
});

test("status says what is up and what is down", async () => {
  const [redis, postgres] = JSON.parse((await box.run(["status", "--json"])).out);
  expect(redis).toMatchObject({ service: "redis", state: "up", source: "native", pids: box.pids("redis") });
  expect(redis.rss).toBeGreaterThan(1_000_000);
  expect(postgres).toMatchObject({ service: "postgres", state: "down", pids: [] });
});

test("down leaves a program alone that got the number of a process that died", async () => {
  await box.run(["down"]);
  const stranger = Bun.spawn(["sleep", "60"]);
  const record = {
    source: "native",
    address: "",
    wanted: 1,
    startedAt: 0,
    processes: [{ pid: stranger.pid, began: "1" }],
  };
  writeFileSync(join(box.dir, "run", "redis.pid"), `${stranger.pid}\n`);
  writeFileSync(join(box.dir, "run", "redis.pid.json"), JSON.stringify(record));
  expect((await box.run(["up", "redis"])).out).toMatch(/✓ redis +ready/);
  expect((await box.run(["down"])).out).toMatch(/✓ redis +stopped/);
  expect(beganAt(stranger.pid)).not.toBeNull();
  stranger.kill();
});

test("a port that another program uses is refused with its name and what to set", async () => {
  const foreign = Bun.listen({ hostname: "127.0.0.1", port: box.ports.redis, socket: { data() {} } });
  const { code, errors } = await box.run(["up", "redis"]);
  foreign.stop(true);
  expect(code).toBe(1);
  expect(errors).toMatch(
    new RegExp(
      `^error: port ${box.ports.redis} is in use by .*bun.*\\(pid ${process.pid}\\): stop it or set STAMPEDE_REDIS_PORT\n$`,
    ),
  );
});

test("a missing tool is refused with what to install", async () => {
  const nothing = mkdtempSync(join(tmpdir(), "stampede-path-"));
  const { code, errors } = await box.run(["up", "redis"], { PATH: nothing });
  expect(code).toBe(1);
  expect(errors).toMatch(/^error: [^\n]*install[^\n]*redis-server[^\n]*\n$/);
});

test("an address of the environment is used, and down does not stop what it names", async () => {
  await box.run(["up", "redis"]);
  const other = sandbox();
  const env = { REDIS_URL: redisUrl() };
  expect((await other.run(["up", "redis"], env)).out).toMatch(/✓ redis +answers after .*\(environment/);
  expect((await other.run(["down"], env)).out).toContain("nothing of it was running");
  expect(await ask((redis) => redis.ping())).toBe("PONG");
  await other.remove();
});

test("env prints what a shell can evaluate", async () => {
  const { out } = await box.run(["env"]);
  const shell = Bun.spawnSync(["bash", "-c", `${out}\necho $REDIS_URL $JWT_SECRET`]);
  expect(shell.stdout.toString()).toMatch(new RegExp(`^${redisUrl()} [0-9a-f]{64}\n$`));
});

test("Ctrl-C in the middle of up stops what this run had started, and says so", async () => {
  let fresh = sandbox();
  const interrupted = async () => {
    const up = fresh.start(["up", "redis", "postgres"]);
    // Its first process is noted before it answers; the database takes a second longer.
    while (!existsSync(join(fresh.dir, "run", "redis.pid"))) await Bun.sleep(5);
    const [redis] = fresh.pids("redis");
    up.process.kill("SIGINT");
    return { redis, ...(await up.result) };
  };
  let outcome = await interrupted();
  // It was up before the interruption came: that was no test of anything.
  for (let tries = 1; outcome.code === 0 && tries < 5; tries++) {
    await fresh.remove();
    fresh = sandbox();
    outcome = await interrupted();
  }
  const { redis, code, errors } = outcome;
  expect(code).toBe(130);
  expect(errors).toMatch(/error: interrupted: stopped .*redis.*, which this run had started/);
  expect(beganAt(redis!)).toBeNull();
  expect(
    JSON.parse((await fresh.run(["status", "--json"])).out).map(({ state }: { state: string }) => state),
  ).not.toContain("up");
  await fresh.remove();
}, 180_000);

test("down --wipe deletes the data and nothing else", async () => {
  expect(existsSync(join(box.dir, "data", "redis", "appendonlydir"))).toBe(true);
  expect((await box.run(["down", "redis", "--wipe"])).code).toBe(0);
  expect(existsSync(join(box.dir, "data", "redis"))).toBe(false);
  expect(readFileSync(join(box.dir, "log", "redis.log"), "utf8")).not.toBe("");
});

import { afterAll, expect, test } from "bun:test";
import postgres from "postgres";
import { beganAt } from "../../stack/processes.ts";
import { sandbox } from "./cli.ts";

const box = sandbox();
afterAll(() => box.remove());
const env = async () => {
  const { out } = await box.run(["env"]);
  return Object.fromEntries([...out.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name!, value!]));
};

test("Kafka and PostgreSQL come up with their topics and their schema", async () => {
  const up = await box.run(["up", "kafka", "postgres"]);
  expect(up).toMatchObject({ code: 0, errors: "" });
  expect(up.out).toMatch(/✓ database +schema is current/);
  expect(up.out).toMatch(/✓ topics +32 created/);
  expect(up.out).toMatch(/✓ warm-up +stored and read [1-9][\d,]* records/);
  const again = await box.run(["up", "kafka"]);
  expect(again.out).toContain("already up");
  expect(again.out).not.toContain("warm-up");
  expect(await box.run(["topics", "diff"])).toMatchObject({ code: 0, out: "the cluster is as declared\n" });
}, 180_000);

test("PostgreSQL flushes every commit to disk, and no locale sorts its text", async () => {
  const sql = postgres((await env()).DATABASE_URL!, { max: 1 });
  const [row] = await sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
    datcollate as collate, pg_encoding_to_char(encoding) as encoding from pg_database where datname = current_database()`;
  expect({ ...row }).toEqual({ fsync: "on", commit: "on", collate: "C", encoding: "UTF8" });
  await sql`create table kept (n int)`;
  await sql`insert into kept values (7)`;
  await sql.end();
});

test("both come back after kill -9 with what they had", async () => {
  for (const service of ["postgres", "kafka"]) process.kill(box.pids(service)[0]!, "SIGKILL");
  const up = await box.run(["up", "kafka", "postgres"]);
  expect(up.errors).toBe("");
  expect(up.out).toMatch(/✓ topics +as declared/);
  const sql = postgres((await env()).DATABASE_URL!, { max: 1 });
  expect(await sql`select n from kept`.then((rows) => rows.map(({ n }) => n))).toEqual([7]);
  await sql.end();
}, 180_000);

test("a topic that lost its declaration is named by diff and repaired by apply", async () => {
  const { createBunKafka } = await import("../../kafka/bun/kafka.ts");
  const admin = createBunKafka({ brokers: (await env()).KAFKA_BROKERS!, clientId: "test" }).admin();
  await admin.deleteTopics(["notification-events"]);
  await admin.close();
  const diff = await box.run(["topics", "diff"]);
  expect(diff.code).toBe(1);
  expect(diff.out).toContain("notification-events: missing");
  expect((await box.run(["topics", "apply"])).out).toMatch(/1 created/);
  expect((await box.run(["topics", "diff"])).code).toBe(0);
}, 180_000);

test("a program that dies while it starts is explained by its own last words", async () => {
  const { code, errors } = await box.run(["up", "gateway"], { CLAIM_ACK_MS: "soon" });
  expect(code).toBe(1);
  expect(errors).toMatch(/^error: gateway stopped while it started: .*gateway\.log\)\n$/);
}, 180_000);

test("gateways share a port, and a killed one is started again beside the other", async () => {
  await box.run(["up", "redis", "consumers"]);
  expect((await box.run(["up", "gateway", "--workers", "2"])).out).toMatch(/✓ gateway +ready .*2 workers/);
  const [killed, left] = box.pids("gateway");
  process.kill(killed!, "SIGKILL");
  const gateway = async () => JSON.parse((await box.run(["status", "--json"])).out)[3];
  expect(await gateway()).toMatchObject({ service: "gateway", state: "partly", pids: [left!] });
  expect((await box.run(["up"])).code).toBe(0);
  expect(box.pids("gateway")).toHaveLength(2);
  expect(box.pids("gateway")).toContain(left!);
  expect(await gateway()).toMatchObject({ state: "up", health: { redis: "up" } });
}, 180_000);

test("an operator's sale goes its way by the command line", async () => {
  const created = await box.run(["sale", "create", "--total", "5", "--starts", "+1h", "--name", "Spring", "--json"]);
  const { couponId } = JSON.parse(created.out);
  expect(JSON.parse((await box.run(["sale", "show", couponId, "--json"])).out)).toMatchObject({
    name: "Spring",
    total: 5,
  });
  expect(JSON.parse((await box.run(["sale", "pause", couponId, "--json"])).out)).toMatchObject({ state: "PAUSED" });
  expect((await box.run(["sale", "list"])).out).toContain(couponId);
  const unknown = await box.run(["sale", "open", "nosuchcoupon"]);
  expect(unknown).toMatchObject({
    code: 1,
    errors: "error: the gateway refused with 404 COUPON_NOT_FOUND: No such coupon\n",
  });
}, 180_000);

test("down stops all of it, and a sale command then says what to start", async () => {
  const pids = ["redis", "postgres", "kafka", "gateway", "consumers", "payment-simulator"].flatMap((service) =>
    box.pids(service),
  );
  expect(pids).toHaveLength(7);
  expect((await box.run(["down"])).code).toBe(0);
  expect(pids.filter((pid) => beganAt(pid) !== null)).toEqual([]);
  expect((await box.run(["sale", "list"])).errors).toMatch(
    /^error: no gateway answers at .*: start it with \.\/dev up\n$/,
  );
}, 180_000);

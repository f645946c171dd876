import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { call, claim, saleTerms } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { everyWord, lastWords, named, rush, type UserStory } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

/** Ten times the three tries of a batch (RETRY_PAUSE_MS of test/support/system.ts is 500), so that giving up would show. */
const AWAY_MS = 20_000;

let system: System;
let processIds: number[];
beforeAll(async () => {
  system = await startSystem("postgres_away");
  processIds = [...system.gateways, ...system.consumers].map(({ pid }) => pid);
}, 180_000);
afterAll(async () => {
  await system?.stack.up(["postgres"]);
  await system?.close();
}, 180_000);

const gatewayFor = () => system.url;
const claims = (couponId: string, users: readonly string[]): Promise<UserStory[]> =>
  rush({ couponId, users, gatewayFor, token: system.token });

/** Neither a dead letter nor a restart: the same process has waited. */
async function nothingGivenUp(): Promise<void> {
  expect(await system.sql`SELECT * FROM dead_letters`).toHaveLength(0);
  for (const pid of processIds) expect(process.kill(pid, 0)).toBe(true);
}

test("PostgreSQL away for 20 s: claims are accepted and kept all the time, reads say so, and afterwards everything is persisted", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  // Sold slowly: this one is still being claimed when PostgreSQL comes back.
  const steady = await system.createSale({ total: 100_000 });
  const before = await claims(id, named("before", 200));
  await system.stack.down(["postgres"]);
  const goneAt = performance.now();
  const during = await claims(id, named("during", 1_200));
  expect(lastWords(before)).toEqual({ 202: 200 });
  expect(lastWords(during)).toEqual({ 202: 800, SOLD_OUT: 400 });
  // The sale goes on; what only PostgreSQL knows is refused with a code, never guessed.
  const [winner] = during;
  const token = system.token(winner!.userId);
  const { requestId } = winner!.answers.at(-1)!.body;
  expect((await call(`${system.url}/coupons/requests/${requestId}`, { token })).body.status).toBe("ACCEPTED");
  for (const [path, json] of [
    ["/me/coupons", undefined],
    ["/coupons", undefined],
    [`/coupons/${id}`, undefined],
    ["/admin/coupons", saleTerms({ total: 1 })],
    [`/admin/coupons/${id}/pause`, {}],
  ] as const) {
    const answer = await call(system.url + path, { token: path.startsWith("/admin") ? system.operator : token, json });
    expect({ path, status: answer.status, code: answer.body.code }).toEqual({
      path,
      status: 503,
      code: "DATABASE_UNAVAILABLE",
    });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  expect(await claim(system.url, "0".repeat(12), token)).toMatchObject({
    status: 503,
    body: { code: "SALE_RECOVERING" },
  });
  await until("health says so", async () => (await call(`${system.url}/health/ready`)).body.database === "down");
  expect([...everyWord([...during])]).not.toContain("DATABASE_UNAVAILABLE");

  const trickle: UserStory[] = [];
  const drip = async () => {
    trickle.push(...(await claims(steady.id, named(`steady-${trickle.length}`, 25))));
    await Bun.sleep(250);
  };
  while (performance.now() - goneAt < AWAY_MS) await drip();
  await system.stack.up(["postgres"]);
  for (let i = 0; i < 8; i++) await drip();
  expect(lastWords(trickle)).toEqual({ 202: trickle.length });
  await promisesKept(system, id, { winners: 1_000, fault: "PostgreSQL away for 20 s, sold out meanwhile" });
  await promisesKept(system, steady.id, {
    winners: trickle.length,
    fault: "PostgreSQL away for 20 s, claims all the time",
  });
  await nothingGivenUp();
  expect((await call(`${system.url}/coupons/${id}`)).body).toMatchObject({ state: "SOLD_OUT" });
}, 180_000);

test("PostgreSQL killed three times in mid-batch and started again: every claim once", async () => {
  const { id } = await system.createSale({ total: 1_000_000 });
  const persisted = async () =>
    Number((await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`)[0]!.n);
  let over = false;
  const kills = (async () => {
    for (let i = 0; i < 3; i++) {
      const before = await persisted();
      await until("rows come in", async () => (await persisted()) > before);
      await system.crash("postgres");
      await system.stack.up(["postgres"]);
    }
  })().finally(() => {
    over = true;
  });
  const stories: UserStory[] = [];
  while (!over) stories.push(...(await claims(id, named(`wave-${stories.length}`, 100))));
  await kills;
  expect(lastWords(stories)).toEqual({ 202: stories.length });
  await promisesKept(system, id, { winners: stories.length, fault: "PostgreSQL killed three times" });
  await nothingGivenUp();
}, 180_000);

/** As the server's owner, past a read-only default. */
async function asOwner(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(system.stack.env.DATABASE_URL, {
    max: 1,
    onnotice: () => {},
    connection: { default_transaction_read_only: false },
  });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Claims while PostgreSQL refuses to write; they must wait, and be persisted when it does again. */
async function refusing(user: string, begin: () => Promise<void>, end: () => Promise<void>): Promise<void> {
  const { id } = await system.createSale({ total: 100 });
  await begin();
  let stories: UserStory[];
  try {
    stories = await claims(id, named(user, 150));
    expect(lastWords(stories)).toEqual({ 202: 100, SOLD_OUT: 50 });
    await until("the consumers say that they wait", async () => {
      const { body } = await call(`${system.consumers[0]!.url}/metrics`);
      return /^stampede_consumer_waiting\{role="coupon-persist"\} 1$/m.test(body);
    });
    const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
    expect(row!.n).toBe(0);
  } finally {
    await end();
  }
  await promisesKept(system, id, { winners: 100 });
  await nothingGivenUp();
  await until("no claim waits any more", async () => {
    const { body } = await call(`${system.consumers[0]!.url}/metrics`);
    return /^stampede_consumer_waiting\{role="coupon-persist"\} 0$/m.test(body);
  });
}

test("PostgreSQL turns read-only: claims wait, an operator's change is refused with a code, nothing is given up", async () => {
  const readOnly = (on: boolean) =>
    asOwner(async (sql) => {
      await sql.unsafe(`ALTER SYSTEM SET default_transaction_read_only = ${on ? "on" : "off"}`);
      await sql`SELECT pg_reload_conf()`;
    });
  await refusing(
    "reader",
    async () => {
      await readOnly(true);
      await until("it is read-only", async () => {
        const [row] = await system.sql`SHOW default_transaction_read_only`;
        return row!.default_transaction_read_only === "on";
      });
      const refused = await call(`${system.url}/admin/coupons`, {
        token: system.operator,
        json: saleTerms({ total: 1 }),
      });
      expect(refused).toMatchObject({ status: 503, body: { code: "DATABASE_UNAVAILABLE" } });
    },
    () => readOnly(false),
  );
}, 180_000);

// A disk that is really full would take all other data with it: the server itself raises the error of one.
test("PostgreSQL's disk is full: claims wait until there is room again, nothing is given up", async () => {
  await refusing(
    "crowded",
    async () => {
      await system.sql.unsafe(`
        CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER no_room BEFORE INSERT ON user_coupons EXECUTE FUNCTION no_room()`);
    },
    async () => {
      await system.sql.unsafe("DROP TRIGGER no_room ON user_coupons; DROP FUNCTION no_room()");
    },
  );
}, 180_000);

test("the right to write is missing: no claim's data is at fault, so claims wait", async () => {
  // Its owner may not be refused anything, except by a trigger that says what the server would say.
  await refusing(
    "unprivileged",
    async () => {
      await system.sql.unsafe(`
        CREATE FUNCTION no_right() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'permission denied for table user_coupons' USING ERRCODE = 'insufficient_privilege'; END $$;
        CREATE TRIGGER no_right BEFORE INSERT ON user_coupons EXECUTE FUNCTION no_right()`);
    },
    async () => {
      await system.sql.unsafe("DROP TRIGGER no_right ON user_coupons; DROP FUNCTION no_right()");
    },
  );
}, 180_000);

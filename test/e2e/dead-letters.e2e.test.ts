import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import { cliActor } from "../../cli/token/operator-name.ts";
import { call } from "../support/client.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { nothingIsOwed } from "../support/orders-kept.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);
const PATIENCE_MS = 60_000;

let system: System;
beforeAll(async () => {
  // The saga asks nothing twice here: what heals an order is its dead letter.
  const consumersEnv = { DEAD_LETTER_RETRY_MS: "200", DEAD_LETTER_ATTEMPTS: "2", ORDER_SWEEP_MS: "600000" };
  system = await startSystem("dead_letters", { consumersEnv });
}, 180_000);
afterAll(() => system?.close(), 180_000);

const admin = (path: string, options: Parameters<typeof call>[1] = {}) =>
  call(`${system.url}/admin/dead-letters${path}`, { token: system.operator, ...options });
const retry = (id: string) => admin(`/${id}/retry`, { method: "POST" });
const discard = (id: string, json: unknown = { why: "a test" }) => admin(`/${id}/discard`, { method: "POST", json });
const becomes = (id: string, status: string, attempts: number) =>
  until(
    `letter ${id} is ${status} after ${attempts} attempts`,
    async () => {
      const { body } = await admin(`/${id}`);
      return body.status === status && body.attempts === attempts && body;
    },
    PATIENCE_MS,
  );

/** The command line against this system's gateway. */
async function dev(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "../../cli/main.ts"), "dead-letters", ...args], {
    env: { ...process.env, ...system.stack.env, ADMIN_PORT: new URL(system.url).port, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out: out.trimEnd(), errors: errors.trimEnd() };
}

/** An order whose points are not there, and whose stock can't be given back as long as the table refuses it. */
async function stuckOrder(user: string): Promise<{ orderId: string; letterId: string }> {
  const mug = await createProduct(system, { stock: 5, price: 1_000 });
  await system.sql.unsafe(`
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'not given back' USING ERRCODE = '22000'; END $$;
    DROP TRIGGER IF EXISTS ill ON stock_reservations;
    CREATE TRIGGER ill BEFORE UPDATE ON stock_reservations FOR EACH ROW WHEN (NEW.status = 'RELEASED')
      EXECUTE FUNCTION refuse()`);
  const { status, body } = await placeOrder(system, user, {
    items: [{ productId: mug.id, quantity: 1 }],
    pointsToUse: 1_000,
  });
  expect(status).toBe(202);
  const letter = await until(
    "the restore is a dead letter",
    async () => {
      const { body: list } = await admin("?topic=stock-compensation-events");
      return list.items.find(({ value }: { value: string }) => value.includes(body.orderId));
    },
    PATIENCE_MS,
  );
  return { orderId: body.orderId, letterId: letter.id };
}
const repair = () => system.sql.unsafe("DROP TRIGGER ill ON stock_reservations");
const statusOf = async (orderId: string, user: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body.status;
const cancelled = async (orderId: string, user: string) => {
  await until("the order is cancelled", async () => (await statusOf(orderId, user)) === "CANCELLED", PATIENCE_MS);
  await nothingIsOwed(system);
};

test("a restore that dies is given up after its attempts and named; a retry too early changes nothing, after the repair it settles the order", async () => {
  const { orderId, letterId } = await stuckOrder("ann");
  const given = await becomes(letterId, "EXHAUSTED", 2);
  expect(given).toMatchObject({ errorCode: "22000", errorMessage: "not given back", nextAttemptAt: null, actions: [] });
  expect(JSON.parse(given.value)).toMatchObject({ type: "StockRestoreRequested", correlationId: orderId });
  const found = await system.violations();
  expect(found.map(({ name, count }) => ({ name, count }))).toEqual([{ name: "no-dead-letters", count: 1 }]);
  expect(found[0]!.examples).toEqual([`${given.eventId} on stock-compensation-events`]);

  expect(await retry(letterId)).toMatchObject({ status: 200, body: { id: letterId } });
  await becomes(letterId, "EXHAUSTED", 3);
  expect(await statusOf(orderId, "ann")).toBe("COMPENSATING");

  await repair();
  const { code, out } = await dev("retry", letterId);
  expect({ code, out }).toEqual({
    code: 0,
    out: `${letterId} is sent again within a second; ./dev dead-letters show ${letterId} says what became of it`,
  });
  await cancelled(orderId, "ann");
  const { actions } = await becomes(letterId, "REPUBLISHED", 4);
  const retried = (actor: string) => ({ actor, action: "dead-letter.retried", at: expect.any(String) });
  expect(actions).toEqual([retried("operator-1"), retried(cliActor())]);
  expect((await dev("show", letterId)).out).toStartWith(
    `letter     ${letterId}, REPUBLISHED: attempt 4 has not come back`,
  );
  expect(await system.violations()).toEqual([]);
});

test("a restore that dies heals by itself when its cause is repaired in time", async () => {
  const patient = await system.addConsumers(["dead-letters"], { DEAD_LETTER_ATTEMPTS: "1000" });
  const impatient = system.consumers[0]!;
  await impatient.stop();
  const rest = await system.addConsumers([
    "stock",
    "points",
    "order-saga",
    "order-relay",
    "notify",
    "coupon-usage",
    "payment",
    "shipping",
    "admission",
  ]);
  const { orderId, letterId } = await stuckOrder("bea");
  await until("it came back", async () => (await admin(`/${letterId}`)).body.attempts > 0, PATIENCE_MS);
  await repair();
  await cancelled(orderId, "bea");
  expect((await admin(`/${letterId}`)).body.actions).toEqual([]);
  await until("it is marked", async () => (await admin(`/${letterId}`)).body.status === "REPUBLISHED", PATIENCE_MS);
  expect(await system.violations()).toEqual([]);
  await Promise.all([patient.stop(), rest.stop()]);
});

/** Letters that are in the database alone; they are not sent again, since no consumers run any more. */
async function planted(count: number, topic = "point-events"): Promise<string[]> {
  const rows = await system.sql<{ id: string }[]>`
    INSERT INTO dead_letters (event_id, topic, partition, "offset", key, value, error_code, error_message, status)
    SELECT gen_random_uuid(), ${topic}, 0, n, 'k', 'no JSON', 'VALIDATION_FAILED', 'planted', 'EXHAUSTED'
    FROM generate_series(1, ${count}) n RETURNING id`;
  return rows.map(({ id }) => String(id));
}

test("letters are listed newest first, by status and topic, page by page", async () => {
  const ids = (await planted(5)).reverse();
  await planted(1, "shipping-events");
  await discard(ids[1]!);
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { status, body } = await admin(`?topic=point-events&status=EXHAUSTED&limit=3${more}`);
    expect(status).toBe(200);
    pages.push(body.items.map(({ id }: { id: string }) => id));
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect(pages).toEqual([[ids[0]!, ids[2]!, ids[3]!], [ids[4]!]]);
  expect((await admin("?status=DISCARDED")).body.items).toMatchObject([{ id: ids[1], key: "k", value: "no JSON" }]);
  for (const wrong of ["status=DEAD", "status=", "limit=0", "limit=201", "cursor=zzz", `topic=${"t".repeat(250)}`]) {
    const { status, body } = await admin(`?${wrong}`);
    expect({ wrong, status, code: body.code }).toEqual({ wrong, status: 400, code: "VALIDATION_FAILED" });
  }
  const { out } = await dev("list", "--topic", "point-events", "--status", "EXHAUSTED");
  expect(out.split("\n")).toHaveLength(5);
  expect(JSON.parse((await dev("list", "--topic", "none", "--json")).out)).toEqual([]);
  expect((await dev("list", "--topic", "none")).out).toBe("no dead letters");
});

test("discarding is for good, says why, and is done once", async () => {
  const [first, second] = await planted(2);
  const done = await discard(first!, { why: "settled by hand" });
  expect(done).toMatchObject({ status: 200, body: { id: first, status: "DISCARDED", nextAttemptAt: null } });
  const action = { actor: "operator-1", action: "dead-letter.discarded", why: "settled by hand" };
  expect(done.body.actions).toMatchObject([action]);
  expect((await discard(first!, { why: "another reason" })).body.actions).toMatchObject([action]);
  expect(await retry(first!)).toMatchObject({
    status: 409,
    body: { code: "DEAD_LETTER_DISCARDED", detail: `Dead letter ${first} was discarded` },
  });
  for (const json of [{}, { why: "" }, { why: " " }, { why: "x".repeat(501) }, { why: "x", more: 1 }, { why: 7 }]) {
    const { status, body } = await discard(second!, json);
    expect({ json, status, code: body.code }).toEqual({ json, status: 400, code: "VALIDATION_FAILED" });
  }
  expect((await admin(`/${second}`)).body).toMatchObject({ status: "EXHAUSTED", actions: [] });
  expect(await dev("discard", second!, "--why", "nobody needs it")).toMatchObject({
    code: 0,
    out: `${second} is discarded: it is never sent again`,
  });
  expect((await admin(`/${second}`)).body.actions).toMatchObject([{ actor: cliActor(), why: "nobody needs it" }]);
});

test("letters that there are not are refused in a sentence, whatever is asked of them", async () => {
  for (const id of ["999999999", "0", "-1", "1.5", "x", "9".repeat(16), "1%27"]) {
    for (const answer of [await admin(`/${id}`), await retry(id), await discard(id)]) {
      expect({ id, status: answer.status, code: answer.body.code }).toEqual({
        id,
        status: 404,
        code: "DEAD_LETTER_NOT_FOUND",
      });
    }
  }
  for (const args of [
    ["show", "999999999"],
    ["retry", "999999999"],
    ["discard", "999999999", "--why", "x"],
  ]) {
    const { code, errors } = await dev(...args);
    expect(code).toBe(1);
    expect(errors).toBe("error: the gateway refused with 404 DEAD_LETTER_NOT_FOUND: There is no dead letter 999999999");
  }
});

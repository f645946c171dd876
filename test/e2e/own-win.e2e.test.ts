import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("own_win", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const order = (id: string, action: string) =>
  call(`${system.url}/admin/coupons/${id}/${action}`, { method: "POST", token: system.operator });
const forged = (user: string) => system.token(user, { secret: "somebody else's secret, 32 bytes long" });
/** Not by `claim`: the history would take it for the claim of the user whom the token only names. */
async function codeFor(url: string, id: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/coupons/${id}/issue`, { method: "POST", headers });
  return `${response.status} ${((await response.json()) as { code?: string }).code}`;
}

/** The answer to all other users, once the gate of every gateway gives it from memory. */
async function gatesRefuse(id: string, code: string): Promise<void> {
  for (const { url } of system.gateways) {
    await until(`${url} refuses with ${code} without a look at the token`, async () => {
      return (await codeFor(url, id, "no.token.at-all")).endsWith(code);
    });
  }
}

for (const issueMode of ["DIRECT", "QUEUED"] as const) {
  test(`${issueMode}: a winner gets their own win whatever the sale says to others, a forged token the others' answer`, async () => {
    const { id, endsAt } = await system.createSale({ total: 1, issueMode, endsInMs: 15_000 });
    const first = await claim(system.url, id, system.token("ann"));
    expect(first.status).toBe(202);
    const { requestId } = first.body;
    await system.settled(id);
    const sockets = await Promise.all(system.gateways.map(({ url }) => TestSocket.welcomed(url, system.token("ann"))));
    let asked = 0;

    /** Over HTTP and over sockets, on every gateway. */
    async function ownWin(): Promise<void> {
      for (const [at, { url }] of system.gateways.entries()) {
        const again: ApiAnswer = await claim(url, id, system.token("ann"));
        expect(again).toMatchObject({ status: 200, body: { requestId, slot: 1, repeat: true } });
        const ref = `turn-${asked++}`;
        sockets[at]!.send({ type: "claim", couponId: id, ref });
        const answer = await until("an answer on the socket", () =>
          sockets[at]!.heard.find((message) => "ref" in message && message.ref === ref),
        );
        expect(answer).toMatchObject({ type: "claim.accepted", requestId, slot: 1, repeat: true });
      }
    }
    async function othersHear(expected: string): Promise<void> {
      for (const { url } of system.gateways) {
        expect(await codeFor(url, id, system.token("bob"))).toBe(expected);
        const names = ["ann", "bob"].map((user) => codeFor(url, id, forged(user)));
        expect(await Promise.all(names)).toEqual([expected, expected]);
        expect(await codeFor(url, id, system.token("ann", { expiresInS: -60 }))).toBe(expected);
      }
    }

    await ownWin();
    await gatesRefuse(id, "SOLD_OUT");
    await ownWin();
    await othersHear("409 SOLD_OUT");
    await order(id, "pause");
    await ownWin();
    await gatesRefuse(id, "PAUSED");
    await ownWin();
    await othersHear("403 PAUSED");
    await order(id, "close");
    await gatesRefuse(id, "ENDED");
    await ownWin();
    await othersHear("403 ENDED");
    await order(id, "open");
    await Bun.sleep(Math.max(0, Date.parse(endsAt) - Date.now()));
    await ownWin();

    const epochOf = async () => (await system.sql`SELECT epoch, load_state FROM coupons WHERE id = ${id}`)[0]!;
    const { epoch } = await epochOf();
    await system.redis.flushall();
    await until("the sale is rebuilt", async () => {
      const now = await epochOf();
      return now.epoch > epoch && now.load_state === "LOADED";
    });
    await ownWin();
    for (const socket of sockets) socket.close();
    expect(await system.violations()).toEqual([]);
  }, 180_000);
}

test("a sale that is over and that Redis does not hold any more: PostgreSQL knows its winners, the others hear ENDED", async () => {
  const { id } = await system.createSale({ total: 5 });
  const { body } = await claim(system.url, id, system.token("ann"));
  await system.settled(id);
  const { sql, redis } = system;
  await sql`UPDATE coupons SET starts_at = now() - interval '90 days', ends_at = now() - interval '80 days' WHERE id = ${id}`;
  await redis.unlink(...Object.values(saleKeys(id as CouponId)));
  for (const { url } of system.gateways) {
    expect(await claim(url, id, system.token("ann"))).toMatchObject({
      status: 200,
      body: { requestId: body.requestId, slot: 1, repeat: true },
    });
    expect(await claim(url, id, system.token("bob"))).toMatchObject({ status: 403, body: { code: "ENDED" } });
  }
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Block } from "../../contracts/wire/blocks.ts";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { block } from "../../db/blocks/change.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("blocks", {
    gateways: 2,
    gatewayEnv: { TREASURER_GRANT_MAX: "400", TREASURER_GRANT_DAY_MAX: "1000" },
  });
}, 180_000);
afterAll(() => system?.close());

const at = (gateway: number) => system.gateways[gateway]!.url;
const blockHim = (json: object, token = system.operator): Promise<ApiAnswer> =>
  call(`${at(0)}/admin/blocks`, { token, json });
const unblock = (query: string) => call(`${at(0)}/admin/blocks?${query}`, { token: system.operator, method: "DELETE" });
const codeAt = async (gateway: number, couponId: string, token: string) => {
  const { body } = await claim(at(gateway), couponId, token);
  return body.code ?? body.status;
};

test("a blocked user is refused by every gateway within a second, and their sockets are closed", async () => {
  const { id } = await system.createSale({ total: 10 });
  const [token, other] = [system.token("bob"), system.token("ann")];
  const sockets = await Promise.all([0, 1].map((gateway) => TestSocket.welcomed(at(gateway), token)));
  const bystander = await TestSocket.welcomed(at(1), other);
  expect(await codeAt(1, id, token)).toBe("ACCEPTED");

  const { status, body } = await blockHim({ userId: "bob", why: "resells coupons" });
  const begun = performance.now();
  expect([status, body]).toMatchObject([200, { userId: "bob", tokenId: null, until: null, blockedBy: "operator-1" }]);
  // The gateway that was asked knows at once.
  expect(await codeAt(0, id, token)).toBe("USER_BLOCKED");
  await until("the other gateway knows", async () => (await codeAt(1, id, token)) === "USER_BLOCKED");
  const order = { items: [{ productId: "nothing", quantity: 1 }] };
  const ordered = await call(`${at(1)}/orders`, { token, json: order });
  expect([ordered.status, ordered.body.code]).toEqual([403, "USER_BLOCKED"]);
  expect((await call(`${at(1)}/me/coupons`, { token })).body.code).toBe("USER_BLOCKED");
  for (const socket of sockets) {
    expect(await socket.closed()).toBe(CLOSE.BLOCKED);
    expect(socket.all("error")).toMatchObject([{ code: "USER_BLOCKED" }]);
  }
  await expect(TestSocket.open(at(1), token)).rejects.toThrow("refused");
  bystander.send({ type: "ping" });
  await bystander.hears("pong");
  expect(await codeAt(1, id, other)).toBe("ACCEPTED");
  console.log(`followed in ${Math.round(performance.now() - begun)} ms`);

  expect((await unblock("userId=bob")).body).toEqual({ unblocked: true });
  expect((await unblock("userId=bob")).body).toEqual({ unblocked: false });
  await until("the other gateway serves again", async () => (await codeAt(1, id, token)) === "ACCEPTED");
  const audit = await system.sql`SELECT actor, action, detail FROM audit_log WHERE target = 'bob' ORDER BY at, id`;
  expect(audit.filter(({ action }) => String(action).startsWith("user."))).toMatchObject([
    { actor: "operator-1", action: "user.blocked", detail: { why: "resells coupons", until: null } },
    { actor: "operator-1", action: "user.unblocked" },
  ]);
  bystander.close();
});

test("without the message of Redis the block is found all the same, and a new gateway knows it from its start", async () => {
  const { id } = await system.createSale({ total: 10 });
  const token = system.token("carl");
  expect(await codeAt(1, id, token)).toBe("ACCEPTED");
  await block(system.sql as never, { kind: "USER", subject: "carl" }, { until: null, why: "quietly" }, "operator-1");
  await until("both gateways know", async () => {
    const codes = await Promise.all([0, 1].map((gateway) => codeAt(gateway, id, token)));
    return codes.every((code) => code === "USER_BLOCKED");
  });
  const late = await system.addGateway();
  expect((await claim(late.url, id, token)).body.code).toBe("USER_BLOCKED");
});

test("a block may name one token, and has an end", async () => {
  const { id } = await system.createSale({ total: 10 });
  const [lost, kept] = [system.token("dora", { jti: "lost-1" }), system.token("dora", { jti: "kept-1" })];
  const socket = await TestSocket.welcomed(at(1), lost);
  const staying = await TestSocket.welcomed(at(1), kept);
  const soon = new Date(Date.now() + 3_000).toISOString();
  expect((await blockHim({ tokenId: "lost-1", until: soon, why: "stolen" })).body).toMatchObject({
    tokenId: "lost-1",
    until: soon,
  });
  expect(await socket.closed()).toBe(CLOSE.BLOCKED);
  expect(socket.all("error")).toMatchObject([{ code: "TOKEN_REVOKED" }]);
  const refused = await claim(at(0), id, lost);
  expect([refused.status, refused.body.code]).toEqual([401, "TOKEN_REVOKED"]);
  expect(await codeAt(1, id, kept)).toBe("ACCEPTED");
  await until("the block ends by itself", async () => (await codeAt(0, id, lost)) === "ACCEPTED");
  staying.close();
});

test.each([
  [{ why: "nobody" }, "one of the two"],
  [{ userId: "ann", tokenId: "x", why: "both" }, "one of the two"],
  [{ tokenId: "x", why: "without an end" }, "until: required for a token"],
  [{ userId: "ann", why: "in the past", until: "2020-01-01T00:00:00Z" }, "must be in the future"],
  [{ userId: "operator-1", why: "herself" }, "cannot block themselves"],
  [{ userId: "ann" }, "why"],
  [{ userId: "a b", why: "no user id" }, "userId"],
])("%j is no block", async (json, detail) => {
  const { status, body } = await blockHim(json);
  expect([status, body.code]).toEqual([400, "VALIDATION_FAILED"]);
  expect(body.detail).toContain(detail);
});

test("a treasurer blocks, a viewer reads, a seller and a customer do neither", async () => {
  const as = (operatorRole: string) => system.token(`op-${operatorRole}`, { role: "operator", operatorRole });
  expect((await blockHim({ userId: "eve", why: "bot" }, as("treasurer"))).status).toBe(200);
  expect((await blockHim({ userId: "eve", why: "bot" }, as("seller"))).body.code).toBe("FORBIDDEN");
  expect((await blockHim({ userId: "eve", why: "bot" }, system.token("ann"))).body.code).toBe("FORBIDDEN");
  const pages = async () => {
    const items: Block[] = [];
    let cursor = "";
    do {
      const { body } = await call(`${at(1)}/admin/blocks?limit=1${cursor}`, { token: as("viewer") });
      items.push(...body.items);
      cursor = body.nextCursor === null ? "" : `&cursor=${body.nextCursor}`;
    } while (cursor !== "");
    return items;
  };
  expect((await pages()).map(({ userId }) => userId)).toEqual(["eve" as never, "carl" as never]);
});

test("a treasurer's grants are limited each and by the day, however many come at once; an admin's are not", async () => {
  const treasurer = system.token("op-treasurer", { role: "operator", operatorRole: "treasurer" });
  const give = (token: string, amount: number, gateway = 0) =>
    call(`${at(gateway)}/admin/points/grants`, { token, json: { userId: "fay", amount, reason: "sorry" } });
  expect((await give(treasurer, 401)).body).toMatchObject({ code: "GRANT_LIMIT", status: 403 });
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => give(treasurer, 300, n % 2)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 403, 403, 403, 403, 403]);
  expect((await give(treasurer, 101)).body).toMatchObject({ code: "GRANT_LIMIT", left: 100 });
  expect((await give(treasurer, 100)).status).toBe(201);
  expect((await give(treasurer, 1)).body).toMatchObject({ code: "GRANT_LIMIT", left: 0 });
  expect((await give(system.operator, 5_000)).body).toMatchObject({ balance: 6_000 });
});

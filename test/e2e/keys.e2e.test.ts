import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { call, claim, saleTerms } from "../support/client.ts";
import {
  type IssuerKey,
  type IssuerServer,
  jwksText,
  newIssuerKey,
  startIssuer,
  tokenClaims,
} from "../support/issuer.ts";
import type { TestProcess } from "../support/processes.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
let issuer: IssuerServer;
let keys: Record<"EdDSA" | "ES256" | "RS256", IssuerKey>;
const folder = mkdtempSync(join(tmpdir(), "keys-e2e-"));

beforeAll(async () => {
  const [ed, ec, rsa] = await Promise.all([
    newIssuerKey("EdDSA", "ed-1"),
    newIssuerKey("ES256", "ec-1"),
    newIssuerKey("RS256", "rsa-1"),
  ]);
  keys = { EdDSA: ed, ES256: ec, RS256: rsa };
  issuer = startIssuer(Object.values(keys));
  system = await startSystem("keys", {
    gatewayEnv: { JWT_JWKS_URL: issuer.url, JWKS_COOLDOWN_S: "1", JWKS_REFRESH_S: "2" },
  });
}, 180_000);
afterAll(async () => {
  await system?.close();
  await issuer?.stop();
  rmSync(folder, { recursive: true });
});

const newSale = (total: number) => system.createSale({ total });

/** What a claim is answered with. */
async function answer(couponId: string, token: string, url = system.url): Promise<string> {
  const { status, body } = await claim(url, couponId, token);
  return `${status} ${body.code ?? body.status}`;
}

function hs256(secret: string, header: object, claims = tokenClaims("mallory")): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

test("tokens of every algorithm claim, again and again, and the shared secret still does", async () => {
  const { id } = await newSale(10);
  for (const [algorithm, key] of Object.entries(keys)) {
    const token = await key.sign(`user-${algorithm}`);
    expect(await answer(id, token)).toBe("202 ACCEPTED");
    expect(await answer(id, token)).toBe("200 ACCEPTED");
    expect((await call(`${system.url}/me/points`, { token })).status).toBe(200);
  }
  expect(await answer(id, system.token("user-HS256"))).toBe("202 ACCEPTED");
});

test("a new body of a first token is read, however late its signature is verified", async () => {
  const token = await keys.RS256.sign("with-a-body");
  const { id } = await newSale(1);
  const first = await call(`${system.url}/coupons/${id}/issue`, { token, json: { note: "x".repeat(8_000) } });
  expect([first.status, first.body.status]).toEqual([202, "ACCEPTED"]);
});

test("a winner with a signed token gets the win at a closed gate, and others the gate's answer", async () => {
  const { id } = await newSale(1);
  expect(await answer(id, await keys.ES256.sign("first"))).toBe("202 ACCEPTED");
  await until("the gate is closed", async () => (await answer(id, system.token("late"))) === "409 SOLD_OUT");
  expect(await answer(id, await keys.ES256.sign("first", { jti: "a token that was not seen before" }))).toBe(
    "200 ACCEPTED",
  );
  const forged = await (await newIssuerKey("ES256", "ec-1")).sign("first");
  expect(await answer(id, forged)).toBe("409 SOLD_OUT");
});

test("no key serves another algorithm, and no header brings its own key", async () => {
  const { id } = await newSale(10);
  const other = await newIssuerKey("RS256", "rsa-1");
  const [head, payload] = (await keys.RS256.sign("mallory")).split(".");
  const forged: Record<string, string> = {
    "the RSA key's PEM as an HMAC secret": hs256(keys.RS256.pem, { alg: "HS256", kid: "rsa-1" }),
    "the same without a kid": hs256(keys.RS256.pem, { alg: "HS256" }),
    "the shared secret under a public key's kid": hs256(system.stack.env.JWT_SECRET, { alg: "HS256", kid: "ed-1" }),
    "alg none": `${Buffer.from('{"alg":"none","kid":"rsa-1"}').toString("base64url")}.${payload}.`,
    "no signature": `${head}.${payload}.`,
    "another key under the kid": await other.sign("mallory"),
    "the kid of another key": await keys.RS256.sign("mallory", {}, { kid: "ec-1" }),
    "a kid that is a path": await keys.EdDSA.sign("mallory", {}, { kid: "../../../../dev/null" }),
    "a kid that is SQL": await keys.EdDSA.sign("mallory", {}, { kid: "' UNION SELECT 'x" }),
    "its own key": await other.sign("mallory", {}, { kid: "mine", jwk: other.jwk }),
    "its own address": await other.sign("mallory", {}, { kid: "mine", jku: issuer.url }),
  };
  for (const [name, token] of Object.entries(forged)) {
    expect([name, await answer(id, token)]).toEqual([name, "401 TOKEN_INVALID"]);
  }
});

test("a socket takes a signed token on its upgrade and in a message; what follows at once waits for it", async () => {
  const { id: couponId } = await newSale(10);
  const byHeader = await TestSocket.open(system.url, await keys.ES256.sign("header-user"));
  byHeader.send({ type: "claim", couponId, ref: "1" });
  expect(await byHeader.hears("claim.accepted")).toMatchObject({ ref: "1", couponId });
  const byMessage = await TestSocket.open(system.url);
  byMessage.send({ type: "auth", token: await keys.RS256.sign("message-user") });
  byMessage.send({ type: "claim", couponId, ref: "2" });
  byMessage.send({ type: "ping", ref: "3" });
  expect(await byMessage.hears("claim.accepted")).toMatchObject({ ref: "2" });
  await byMessage.hears("pong");
  expect([...byHeader.all("error"), ...byMessage.all("error")]).toEqual([]);
  const forger = await TestSocket.open(system.url);
  forger.send({ type: "auth", token: await (await newIssuerKey("EdDSA", "ed-1")).sign("message-user") });
  forger.send({ type: "claim", couponId, ref: "4" });
  expect(await forger.closed()).toBe(CLOSE.UNAUTHENTICATED);
  expect(forger.all("claim.accepted")).toEqual([]);
  // The outcome of an upgrade's signature comes on the open socket.
  const late = await TestSocket.open(system.url, await (await newIssuerKey("EdDSA", "ed-1")).sign("header-user"));
  expect(await late.closed()).toBe(CLOSE.UNAUTHENTICATED);
  expect(late.all("error")).toMatchObject([{ code: "TOKEN_INVALID" }]);
  for (const socket of [byHeader, byMessage]) socket.close();
});

test("keys are rotated while the gateway runs, and an issuer that is away changes nothing", async () => {
  const { id } = await newSale(50);
  const next = await newIssuerKey("EdDSA", "ed-2");
  const old = await keys.EdDSA.sign("rotating");
  expect(await answer(id, old)).toBe("202 ACCEPTED");
  issuer.publish([...Object.values(keys), next]);
  const fresh = await next.sign("rotated");
  await until("the new key is fetched", async () => (await answer(id, fresh)).startsWith("20"));

  issuer.answer(null);
  const unknown = await newIssuerKey("EdDSA", "ed-3");
  const inDoubt = await unknown.sign("newer");
  await until("the gateway notices", async () => (await answer(id, inDoubt)) === "503 KEYS_UNAVAILABLE");
  const refused = await claim(system.url, id, inDoubt);
  expect(refused.headers.get("retry-after")).toBe("5");
  expect(await answer(id, await next.sign("rotated", { jti: "another" }))).toBe("200 ACCEPTED");
  expect(await answer(id, old)).toBe("200 ACCEPTED");

  issuer.publish([next, keys.ES256, keys.RS256]);
  await until("the old key is retired", async () => (await answer(id, old)) === "401 TOKEN_INVALID");
  expect(await answer(id, fresh)).toBe("200 ACCEPTED");
  issuer.publish([...Object.values(keys), next]);
});

const at = (gateway: TestProcess, token: string, path = "/admin/orders") => call(`${gateway.url}${path}`, { token });

test("operators with keys apart: a customer's key makes no operator, and a role may do what it includes", async () => {
  const secret = "the secret of operators, long enough";
  const file = join(folder, "operators.json");
  const staff = await newIssuerKey("ES256", "staff-1");
  writeFileSync(file, jwksText([staff]));
  const gateway = await system.addGateway({ OPERATOR_JWT_SECRET: secret, OPERATOR_JWT_JWKS_FILE: file });
  const customer = hs256(
    system.stack.env.JWT_SECRET,
    { alg: "HS256" },
    tokenClaims("eve", { role: "operator", operator_role: "admin" }),
  );
  expect((await at(gateway, customer)).body.code).toBe("FORBIDDEN");
  expect((await at(gateway, system.operator)).body.code).toBe("FORBIDDEN");
  expect((await at(gateway, await keys.ES256.sign("eve", { role: "operator" }))).body.code).toBe("FORBIDDEN");

  const [viewer, seller] = [
    await staff.sign("op", { operator_role: "viewer" }),
    await staff.sign("op", { operator_role: ["seller"] }),
  ];
  expect((await at(gateway, viewer)).status).toBe(200);
  const create = (token: string) => call(`${gateway.url}/admin/coupons`, { token, json: saleTerms({ total: 1 }) });
  expect((await create(viewer)).body.code).toBe("FORBIDDEN");
  const sale = await create(seller);
  expect(sale.status).toBe(201);
  const grant = { userId: "ann", amount: 5, reason: "sorry" };
  const give = (token: string) => call(`${gateway.url}/admin/points/grants`, { token, json: grant });
  expect((await give(seller)).body.code).toBe("FORBIDDEN");
  const shared = (claims: object) =>
    hs256(secret, { alg: "HS256" }, tokenClaims("op", claims as Record<string, unknown>));
  expect((await give(shared({ operator_role: "treasurer" }))).status).toBe(201);
  expect((await at(gateway, shared({ role: "operator" }))).body.code).toBe("FORBIDDEN"); // a role is named, or there is none

  // Their user ids are not those of customers.
  expect(await answer(sale.body.id, seller, gateway.url)).toBe("403 FORBIDDEN");
  expect((await at(gateway, shared({ operator_role: "admin" }), "/me/coupons")).body.code).toBe("FORBIDDEN");
  const socket = await TestSocket.open(gateway.url);
  socket.send({ type: "auth", token: shared({ operator_role: "admin" }) });
  expect(await socket.closed()).toBe(CLOSE.UNAUTHENTICATED);
  expect(await answer(sale.body.id, system.token("ann"), gateway.url)).toBe("202 ACCEPTED");
});

test("secrets come from files; a gateway without a shared secret takes none; tokens have a maximum age", async () => {
  const file = join(folder, "jwt-secret");
  writeFileSync(file, `${system.stack.env.JWT_SECRET}\n`);
  const { id } = await newSale(10);
  const aged = await system.addGateway({ JWT_SECRET: "", JWT_SECRET_FILE: file, JWT_MAX_AGE_S: "60" });
  expect(await answer(id, system.token("young"), aged.url)).toBe("202 ACCEPTED");
  const old = await keys.EdDSA.sign("old", { iat: Math.floor(Date.now() / 1000) - 120 });
  expect(await answer(id, old, aged.url)).toBe("401 TOKEN_EXPIRED");
  expect(await answer(id, await keys.EdDSA.sign("ageless", { iat: undefined }), aged.url)).toBe("401 TOKEN_INVALID");
  expect(aged.output()).not.toContain(system.stack.env.JWT_SECRET);

  const alone = await system.addGateway({ JWT_SECRET: "", RECEIPT_SECRET: "r".repeat(32) });
  expect(await answer(id, system.token("hmac"), alone.url)).toBe("401 TOKEN_INVALID");
  expect(await answer(id, hs256("", { alg: "HS256" }), alone.url)).toBe("401 TOKEN_INVALID");
  expect(await answer(id, await keys.RS256.sign("signed"), alone.url)).toBe("202 ACCEPTED");
});

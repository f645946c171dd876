import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isV1ReceiptOf, parseReceipt, v1Key } from "../../contracts/claims/receipt.ts";
import {
  faultOfReceipt,
  newReceiptKey,
  parseReceiptKeys,
  RECEIPT_KEYS_PATH,
  type StoredReceiptKey,
} from "../../contracts/claims/receipt-keys.ts";
import { newRequestId } from "../../contracts/wire/ids.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { isStopped } from "../support/processes.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("receipts", { gateways: 2, consumers: false });
  await system.addConsumers(["sale-loader"]); // nobody persists yet
}, 180_000);
afterAll(() => system?.close());

const CLOCK = join(import.meta.dir, "..", "support", "skewed-clock.mjs");
const SETTABLE_CLOCK = { BUN_OPTIONS: `--preload ${CLOCK}`, NODE_OPTIONS: `--import ${CLOCK}` };

async function keysFile(name: string, keys: readonly StoredReceiptKey[]): Promise<string> {
  const file = join(system.stack.layout.run, `receipt-keys-${name}-${process.pid}.json`);
  await Bun.write(file, JSON.stringify({ keys }));
  return file;
}

const receiptOf = (requestId: string, user: string, gateway = 0): Promise<ApiAnswer> =>
  call(`${system.gateways[gateway]!.url}/coupons/requests/${requestId}/receipt`, { token: system.token(user) });
const claimAt = (gateway: number, couponId: string, user: string) =>
  claim(system.gateways[gateway]!.url, couponId, system.token(user));

/** As a third party checks a receipt: with the published keys and WebCrypto, and nothing of ours. */
async function isProven(receipt: string): Promise<boolean> {
  const published = await fetch(`${system.url}/.well-known/stampede-receipts.json`);
  const { keys } = (await published.json()) as { keys: { kid: string; x: string }[] };
  const dot = receipt.lastIndexOf(".");
  const [version, algorithm, keyId] = receipt.split(".");
  if (version !== "v2" || algorithm !== "ed25519") return false;
  const { x } = keys.find(({ kid }) => kid === keyId)!;
  const key = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, "Ed25519", false, ["verify"]);
  const signature = Buffer.from(receipt.slice(dot + 1), "base64url");
  return await crypto.subtle.verify("Ed25519", key, signature, new TextEncoder().encode(receipt.slice(0, dot)));
}

/** Both gateways give the same bytes, and anybody can check them. */
async function proven(requestId: string, user: string): Promise<ApiAnswer["body"]> {
  const answers = [await receiptOf(requestId, user, 0), await receiptOf(requestId, user, 1)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers[1]!.body).toEqual(answers[0]!.body);
  expect(answers[0]!.headers.get("cache-control")).toBe("no-store");
  expect(await isProven(answers[0]!.body.receipt)).toBe(true);
  expect(await isProven(answers[0]!.body.receipt.replace(`.${user}.`, `.${user}x.`))).toBe(false);
  return answers[0]!.body;
}

/** Everything of a direct sale until the claim is stored; the same for both pipelines. */
async function isProvenBeforeAndAfter(couponId: string, user: string, persist: () => Promise<unknown>) {
  const first = await claimAt(0, couponId, user);
  expect(first).toMatchObject({ status: 202, body: { status: "ACCEPTED" } });
  const { requestId, receipt, slot } = first.body;
  expect(parseReceipt(receipt)).toMatchObject({
    algorithm: "hs256",
    kind: "ACCEPTED",
    requestId,
    couponId,
    slot: null,
  });
  const repeat = await claimAt(1, couponId, user);
  expect(repeat).toMatchObject({ status: 200, body: { repeat: true, requestId, receipt } });

  const accepted = await proven(requestId, user);
  expect(accepted).toEqual({ requestId, couponId, kind: "ACCEPTED", keyId: accepted.keyId, receipt: accepted.receipt });
  expect(parseReceipt(accepted.receipt)).toMatchObject({ kind: "ACCEPTED", requestId, userId: user, slot: null });

  await persist();
  const issued = await until("it is stored", async () => {
    const { body } = await receiptOf(requestId, user);
    return body.kind === "ISSUED" && body;
  });
  expect(await proven(requestId, user)).toEqual(issued);
  expect(issued).toMatchObject({ requestId, couponId, kind: "ISSUED", slot });
  expect(parseReceipt(issued.receipt)).toMatchObject({ kind: "ISSUED", requestId, userId: user, slot });
  expect((await claimAt(1, couponId, user)).body).toMatchObject({ repeat: true, requestId, receipt });
  return first.body;
}

test("a claim is proven before and after it is stored, by every gateway with the same bytes, to its owner only", async () => {
  const { id } = await system.createSale({ total: 10 });
  const persist = () => system.addConsumers(["coupon-persist", "claim-relay", "notify", "coupon-decide"]);
  const { requestId } = await isProvenBeforeAndAfter(id, "ann", persist);
  const unknown = `${id}-${"0".repeat(18)}`;
  for (const [request, user] of [
    [requestId, "bob"],
    [unknown, "ann"],
    ["no-request-id", "ann"],
  ] as const) {
    expect(await receiptOf(request, user)).toMatchObject({ status: 404, body: { code: "REQUEST_NOT_FOUND" } });
  }
  const url = `${system.url}/coupons/requests/${requestId}/receipt`;
  expect(await call(url)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
  expect(await call(`${url}?kind=ISSUED`, { token: system.token("ann") })).toMatchObject({ status: 400 });
});

test("the same through Redis alone", async () => {
  const redisOnly = await Promise.all([0, 1].map(() => system.addGateway({ ISSUE_PIPELINE: "redis" })));
  const [kafka0, kafka1] = system.gateways.splice(0, 2);
  try {
    const { id } = await system.createSale({ total: 10 });
    const persister = system.consumers.at(-1)!;
    persister.kill("SIGSTOP");
    await until("it stands still", async () => isStopped(persister.pid));
    await isProvenBeforeAndAfter(id, "rita", async () => persister.kill("SIGCONT"));
  } finally {
    system.consumers.at(-1)!.kill("SIGCONT");
    system.gateways.unshift(kafka0!, kafka1!);
    for (const gateway of redisOnly) {
      system.gateways.splice(system.gateways.indexOf(gateway), 1);
      await gateway.stop();
    }
  }
});

test("a queued request's receipt is PENDING at every repeat, also once it is decided and the sale is closed", async () => {
  const { id } = await system.createSale({ total: 1, issueMode: "QUEUED" });
  const first = await claimAt(0, id, "quinn");
  expect(first).toMatchObject({ status: 202, body: { status: "PENDING" } });
  const { requestId, receipt } = first.body;
  expect(parseReceipt(receipt)).toMatchObject({ algorithm: "hs256", kind: "PENDING", requestId, userId: "quinn" });
  await system.settled(id);
  const issued = await until("it is stored", async () => {
    const { body } = await receiptOf(requestId, "quinn");
    return body.kind === "ISSUED" && body;
  });
  expect(await proven(requestId, "quinn")).toEqual(issued);
  expect(issued).toMatchObject({ requestId, kind: "ISSUED", slot: 1 });
  expect((await claimAt(1, id, "quinn")).body).toMatchObject({ repeat: true, status: "ACCEPTED", requestId, receipt });

  const late = await claimAt(0, id, "late");
  if (late.status === 202) {
    const lost = await until("it is refused", async () => {
      const answer = await receiptOf(late.body.requestId, "late");
      return answer.status !== 200 && answer;
    });
    expect(lost).toMatchObject({ status: 409, body: { code: "CLAIM_FAILED", retryable: false } });
  }
  await call(`${system.url}/admin/coupons/${id}/close`, { method: "POST", token: system.operator });
  for (const gateway of [0, 1]) {
    const repeat = await claimAt(gateway, id, "quinn");
    expect(repeat.body).toMatchObject({ repeat: true, status: "ACCEPTED", requestId, receipt });
  }
});

test("a queued request that nobody decides yet is proven to be PENDING", async () => {
  const { id } = await system.createSale({ total: 5, issueMode: "QUEUED" });
  const decider = system.consumers.at(-1)!;
  decider.kill("SIGSTOP");
  try {
    await until("it stands still", async () => isStopped(decider.pid));
    const { body } = await claimAt(0, id, "pat");
    const pending = await proven(body.requestId, "pat");
    expect(pending).toMatchObject({ kind: "PENDING", requestId: body.requestId });
    expect(pending).not.toHaveProperty("slot");
    expect(parseReceipt(pending.receipt)).toMatchObject({ kind: "PENDING", userId: "pat", slot: null });
    expect((await claimAt(1, id, "pat")).body).toMatchObject({ repeat: true, receipt: body.receipt });
  } finally {
    decider.kill("SIGCONT");
  }
  await system.settled(id);
});

test("a revoked coupon has no receipt any more, and an alias has the receipt of its original", async () => {
  const { id } = await system.createSale({ total: 5 });
  const { requestId } = (await claimAt(0, id, "vera")).body;
  await system.settled(id);
  const alias = newRequestId(id as never, Date.now());
  await system.sql`
    INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id)
    VALUES (${alias}, ${id}, 'vera', ${requestId})`;
  const issued = await proven(requestId, "vera");
  expect(await proven(alias, "vera")).toEqual(issued);
  expect(issued.requestId).toBe(requestId);
  expect(await receiptOf(alias, "eve")).toMatchObject({ status: 404 });

  const json = { requestId, why: "a bot" };
  expect(await call(`${system.url}/admin/coupons/${id}/revoke`, { token: system.operator, json })).toMatchObject({
    status: 200,
  });
  for (const request of [requestId, alias]) {
    expect(await receiptOf(request, "vera", 1)).toMatchObject({
      status: 409,
      body: { code: "CLAIM_FAILED", trackingUrl: `/coupons/requests/${request}` },
    });
  }
  // What was signed stays genuine: it says that it was issued, not that it still is.
  expect(await isProven(issued.receipt)).toBe(true);
});

test("./dev receipt verify checks with the published keys, and says by its exit code whether anything is proven", async () => {
  const { id } = await system.createSale({ total: 5 });
  const { requestId, receipt: mac } = (await claimAt(0, id, "cleo")).body;
  const { receipt } = (await receiptOf(requestId, "cleo")).body;
  const verify = async (...args: string[]) => {
    const main = join(import.meta.dir, "../../cli/main.ts");
    const run = Bun.spawn([process.execPath, main, "receipt", "verify", ...args], { stdout: "pipe", stderr: "pipe" });
    const out = await new Response(run.stdout).text();
    return { code: await run.exited, out };
  };
  const genuine = await verify(receipt, "--keys", system.url, "--request", requestId, "--user", "cleo");
  expect(genuine.code).toBe(0);
  expect(genuine.out).toContain("genuine: made with key");
  expect(genuine.out).toContain(requestId);
  const json = await verify(receipt, "--keys", system.url, "--user", "bob", "--json");
  expect({ ...json, out: JSON.parse(json.out) }).toEqual({ code: 1, out: { ok: false, fault: "OTHER_USER" } });
  const changed = await verify(receipt.replace(".cleo.", ".cleq."), "--keys", system.url);
  expect(changed.code).toBe(1);
  expect(changed.out).toContain("the signature is wrong");
  const byHmac = await verify(mac, "--keys", system.url);
  expect(byHmac.code).toBe(1);
  expect(byHmac.out).toContain("GET /coupons/requests/<id>/receipt");
  expect((await verify(mac, "--keys", system.stack.env.RECEIPT_KEYS_FILE)).code).toBe(0);
});

test("the socket's claim carries the receipt of the same claim over HTTP", async () => {
  const { id } = await system.createSale({ total: 5 });
  const socket = await TestSocket.welcomed(system.gateways[0]!.url, system.token("sofia"));
  socket.send({ type: "claim", couponId: id });
  const { receipt, requestId } = await socket.hears("claim.accepted");
  socket.close();
  expect((await claimAt(1, id, "sofia")).body).toMatchObject({ receipt, requestId });
});

test("the keys are published for caches, next and retired ones too, and a rotation changes no receipt", async () => {
  const own = JSON.parse(readFileSync(system.stack.env.RECEIPT_KEYS_FILE, "utf8"));
  const answer = await call(`${system.url}${RECEIPT_KEYS_PATH}`);
  expect(answer).toMatchObject({ status: 200, body: { keys: [{ kid: own.keys[0].kid, x: own.keys[0].x }] } });
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(JSON.stringify(answer.body)).not.toContain(own.keys[0].d);

  const { id } = await system.createSale({ total: 5 });
  const { body } = await claimAt(0, id, "rob");
  await system.settled(id);
  const before = (await receiptOf(body.requestId, "rob")).body;

  const { d: _, ...retired } = newReceiptKey("retired", new Date("2025-01-01T00:00:00Z"));
  const current = newReceiptKey("current", new Date());
  const next = newReceiptKey("next", new Date(Date.now() + 86_400_000));
  const file = await keysFile("rotated", [next, retired, current, ...own.keys]);
  const gateway = await system.addGateway({ RECEIPT_KEYS_FILE: file });
  const published = await call(`${gateway.url}${RECEIPT_KEYS_PATH}`);
  expect(published.body.keys.map(({ kid }: { kid: string }) => kid)).toEqual([
    "retired",
    own.keys[0].kid,
    "current",
    "next",
  ]);
  const token = system.token("rob");
  expect((await call(`${gateway.url}/coupons/requests/${body.requestId}/receipt`, { token })).body).toEqual(before);
  expect((await claim(gateway.url, id, token)).body).toMatchObject({ repeat: true, receipt: body.receipt });
  // A new claim is signed with the new key, and the published keys prove both.
  const later = (await claim(gateway.url, id, system.token("ruth"))).body;
  expect(parseReceipt(later.receipt)?.keyId).toBe("current");
  const newer = await call(`${gateway.url}/coupons/requests/${later.requestId}/receipt`, {
    token: system.token("ruth"),
  });
  expect(newer.body.keyId).toBe("current");
  const keys = parseReceiptKeys(JSON.stringify(published.body));
  expect(faultOfReceipt(keys, parseReceipt(newer.body.receipt)!)).toBeNull();
  expect(faultOfReceipt(keys, parseReceipt(before.receipt)!)).toBeNull();
  system.gateways.pop();
  await gateway.stop();
});

test("a claim from before the first key keeps its receipt of version 1, and has a signed one too", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  const env = { RECEIPT_KEYS_FILE: await keysFile("young", [newReceiptKey("young", new Date())]) };
  const [behind, other] = [await system.addGateway({ ...env, ...SETTABLE_CLOCK }), await system.addGateway(env)];
  behind.kill("SIGUSR2"); // an hour back: before the key, as the requests of an earlier release
  let probe = 0;
  await until("its clock is set", async () => {
    const { body } = await claim(behind.url, id, system.token(`probe-${probe++}`));
    return body.receipt.startsWith("v1.");
  });
  const token = system.token("old");
  const { body } = await claim(behind.url, id, token);
  expect(body.receipt).toStartWith("v1.");
  const v1 = v1Key("", system.stack.env.JWT_SECRET);
  expect(isV1ReceiptOf(v1, body.receipt, body.requestId, "old" as never)).toBe(true);
  expect((await claim(other.url, id, token)).body).toMatchObject({ repeat: true, receipt: body.receipt });
  await system.settled(id);
  const signed = (await call(`${other.url}/coupons/requests/${body.requestId}/receipt`, { token })).body;
  expect(signed).toMatchObject({ kind: "ISSUED", requestId: body.requestId, keyId: "young" });
  const keys = parseReceiptKeys(JSON.stringify((await call(`${other.url}${RECEIPT_KEYS_PATH}`)).body));
  expect(faultOfReceipt(keys, parseReceipt(signed.receipt)!)).toBeNull();
  for (const gateway of system.gateways.splice(-2)) await gateway.stop();
});

test("a gateway without keys for receipts does not start, and says what to do", async () => {
  const start = system.addGateway({ RECEIPT_KEYS_FILE: "" });
  await expect(start).rejects.toThrow(/RECEIPT_KEYS_FILE is missing .*\.\/dev receipt key/);
});

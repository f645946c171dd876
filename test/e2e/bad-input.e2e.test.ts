import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { once, RawHttp, type RawResponse, requestText } from "../contracts/transport/raw-http.ts";
import { claim, saleTerms } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let couponId: string;
let port: number;
/** Every token that was sent, good or bad: none may stand in a log. */
const tokensUsed = new Set<string>();

beforeAll(async () => {
  system = await startSystem("bad_input", { gatewayEnv: { LOG_LEVEL: "trace" }, consumersEnv: { LOG_LEVEL: "trace" } });
  couponId = (await system.createSale({ total: 1_000 })).id;
  port = system.gateways[0]!.port;
}, 180_000);
afterAll(() => system?.close());

const bearer = (token: string) => {
  tokensUsed.add(token);
  return { authorization: `Bearer ${token}` };
};
const good = () => bearer(system.token("ann"));

function problemOf({ status, headers, body }: RawResponse) {
  expect(headers["content-type"]).toBe("application/problem+json");
  const problem = JSON.parse(body);
  expect(problem.status).toBe(status);
  expect(problem.detail).toBeString();
  return { status, code: problem.code };
}
const ask = (method: string, target: string, body?: string, headers: Record<string, string> = good()) =>
  once(port, requestText(method, target, body, headers));
const issue = () => `/coupons/${couponId}/issue`;

test.each([
  ["cut off", '{"a":'],
  ["no JSON", "please"],
  ["not UTF-8", "\xff\xfe{}"],
  ["a list", "[]"],
  ["a number", "7"],
  ["null", "null"],
])("a claim's body that is %s is refused", async (_what, body) => {
  const bytes = Buffer.from(body, "latin1");
  const raw = await RawHttp.open(port);
  raw.write(requestText("POST", issue(), undefined, { ...good(), "content-length": String(bytes.length) }));
  raw.write(bytes);
  const answer = (await raw.response())!;
  raw.close();
  const isJson = ["[]", "7", "null"].includes(body);
  expect(problemOf(answer)).toEqual({ status: 400, code: isJson ? "VALIDATION_FAILED" : "INVALID_JSON" });
});

test("a claim's body is a JSON object of which nothing is needed, however deep it is", async () => {
  const answer = await ask("POST", issue(), `${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`);
  expect(answer.status).toBe(202);
  expect((await ask("POST", issue())).status).toBe(200);
});

test("an operator's body is checked before anything happens: JSON, its type, and every member", async () => {
  const headers = { ...bearer(system.operator), "content-type": "application/json" };
  const create = (body: string | undefined, more: Record<string, string> = {}) =>
    ask("POST", "/admin/coupons", body, { ...headers, ...more });
  expect(problemOf(await create('{"name":'))).toEqual({ status: 400, code: "INVALID_JSON" });
  expect(problemOf(await create(""))).toEqual({ status: 400, code: "INVALID_JSON" });
  expect(problemOf(await create("[]"))).toEqual({ status: 400, code: "VALIDATION_FAILED" });
  expect(problemOf(await create("{}"))).toEqual({ status: 400, code: "VALIDATION_FAILED" });
  const terms = saleTerms({ total: 1 });
  for (const wrong of [
    { total: "1" },
    { total: null },
    { total: 1e300 },
    { name: 5 },
    { name: ["x"] },
    { name: "zero\u0000byte" },
    { name: "half a pair \ud800" },
    { startsAt: 5 },
  ]) {
    const answer = await create(JSON.stringify({ ...terms, ...wrong }));
    expect(problemOf(answer)).toEqual({ status: 400, code: "VALIDATION_FAILED" });
  }
  const text = await create(JSON.stringify(terms), { "content-type": "text/plain" });
  expect(problemOf(text)).toEqual({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
});

const IDS: readonly [what: string, id: string][] = [
  ["unknown", "0".repeat(12)],
  ["a number", "42"],
  ["negative", "-1"],
  ["in capitals", "ABCDEFGHJKMN"],
  ["one character too long", "0".repeat(13)],
  ["of 8,000 characters", "a".repeat(8_000)],
  ["not ASCII, encoded", encodeURIComponent("쿠폰쿠폰쿠폰")],
  ["not ASCII, raw", Buffer.from("쿠폰").toString("latin1")],
  ["an encoded zero byte", "%00"],
  ["an encoded slash", "a%2Fb"],
  ["encoded wrongly", "%E0%A4%A"],
  ["an encoded line break", "a%0d%0aset-cookie:x"],
  ["SQL", encodeURIComponent("' OR 1=1 --")],
  ["Lua and Redis keys", encodeURIComponent("}:sale{c:x")],
  ["__proto__", "__proto__"],
];

test.each(IDS)("an id that is %s belongs to nothing: 404, wherever it stands", async (_what, id) => {
  for (const [method, path] of [
    ["POST", `/coupons/${id}/issue`],
    ["POST", `/coupons/${id}/issue-async`],
    ["GET", `/coupons/${id}`],
    ["GET", `/coupons/requests/${id}`],
    ["POST", `/admin/coupons/${id}/pause`],
  ] as const) {
    const headers = bearer(path.startsWith("/admin") ? system.operator : system.token("ann"));
    const answer = await once(port, requestText(method, path, method === "POST" ? "" : undefined, headers));
    const { status, code } = problemOf(answer);
    expect({ path, status }).toEqual({ path, status: 404 });
    expect(["COUPON_NOT_FOUND", "REQUEST_NOT_FOUND", "ROUTE_NOT_FOUND"]).toContain(code);
  }
});

test("a body beyond the limit is refused, whether its length is declared, chunked or a lie", async () => {
  const declared = await ask("POST", issue(), JSON.stringify({ a: "x".repeat(20_000) }));
  expect(problemOf(declared)).toEqual({ status: 413, code: "BODY_TOO_LARGE" });

  const chunked = await RawHttp.open(port);
  chunked.write(requestText("POST", issue(), undefined, { ...good(), "transfer-encoding": "chunked" }));
  for (let i = 0; i < 20; i++) chunked.write(`400\r\n${"x".repeat(1024)}\r\n`);
  chunked.write("0\r\n\r\n");
  expect(problemOf((await chunked.response())!)).toEqual({ status: 413, code: "BODY_TOO_LARGE" });
  chunked.close();

  // Nothing of it is awaited: the answer comes before the terabyte.
  const liar = await RawHttp.open(port);
  liar.write(requestText("POST", issue(), undefined, { ...good(), "content-length": "1000000000000" }));
  expect((await liar.response())!.status).toBe(413);
  liar.close();
});

test.each([
  ["POST", "/coupons", "GET"],
  ["DELETE", "/coupons/000000000000/issue", "POST"],
  ["GET", "/coupons/000000000000/issue", "POST"],
  ["PUT", "/me/coupons", "GET"],
  ["PATCH", "/admin/coupons", "POST"],
  ["POST", "/ws", "GET"],
])("%s %s is refused with what is allowed there", async (method, path, allowed) => {
  const answer = await ask(method, path);
  expect(problemOf(answer)).toEqual({ status: 405, code: "METHOD_NOT_ALLOWED" });
  expect(answer.headers.allow!.split(", ")).toContain(allowed);
});

test("headers beyond the limit get 431, and what is no HTTP at all gets 400 or nothing", async () => {
  expect((await ask("GET", "/coupons", undefined, { "x-long": "x".repeat(20_000) })).status).toBe(431);
  expect((await ask("GET", `/coupons?cursor=${"x".repeat(20_000)}`)).status).toBe(431);
  for (const noise of [
    "\r\n\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "BREW /coupons HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "*1\r\n$4\r\nPING\r\n\r\n\r\n",
  ]) {
    const raw = await RawHttp.open(port);
    raw.write(Buffer.from(noise, "latin1"));
    raw.socket.end();
    expect([undefined, 400, 405, 505]).toContain((await raw.response())?.status);
    raw.close();
  }
  const smuggled = await ask("POST", issue(), "{}", { ...good(), "transfer-encoding": "chunked" });
  expect(smuggled.status).toBe(400);
});

/** A token signed by hand, to be wrong in ways that the product's own signer can't be. */
function crafted(header: object, payload: object, sign: (text: string) => string): string {
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(text)}`;
}

test("a token that is not exactly right opens nothing, on any route, and is told why", async () => {
  const { JWT_SECRET } = system.stack.env;
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: "ann", iss: "stampede", aud: "stampede", exp: now + 3600 };
  const hmac = (algorithm: string, secret: string) => (text: string) =>
    createHmac(algorithm, secret).update(text).digest("base64url");
  const hs256 = (payload: object) => crafted({ alg: "HS256", typ: "JWT" }, payload, hmac("sha256", JWT_SECRET));
  const valid = system.token("ann");
  const [head, , signature] = valid.split(".");
  const other = Buffer.from(JSON.stringify({ ...claims, sub: "bob", role: "operator" })).toString("base64url");
  const wrong: readonly [string, string, string][] = [
    ["expired", system.token("ann", { expiresInS: -3600 }), "TOKEN_EXPIRED"],
    ["alg none, unsigned", crafted({ alg: "none" }, claims, () => ""), "TOKEN_INVALID"],
    ["alg None, signed", crafted({ alg: "None" }, claims, hmac("sha256", JWT_SECRET)), "TOKEN_INVALID"],
    ["HS512", crafted({ alg: "HS512" }, claims, hmac("sha512", JWT_SECRET)), "TOKEN_INVALID"],
    ["signed with another secret", system.token("ann", { secret: `${JWT_SECRET}x` }), "TOKEN_INVALID"],
    ["signed with the empty secret", crafted({ alg: "HS256" }, claims, hmac("sha256", "")), "TOKEN_INVALID"],
    ["with another token's payload", `${head}.${other}.${signature}`, "TOKEN_INVALID"],
    ["without its signature", valid.slice(0, valid.lastIndexOf(".") + 1), "TOKEN_INVALID"],
    ["for another audience", system.token("ann", { aud: "somebody-else" }), "TOKEN_INVALID"],
    ["of another issuer", system.token("ann", { iss: "somebody-else" }), "TOKEN_INVALID"],
    ["without exp", hs256({ ...claims, exp: undefined }), "TOKEN_INVALID"],
    ["with exp as text", hs256({ ...claims, exp: String(claims.exp) }), "TOKEN_INVALID"],
    ["not valid yet", hs256({ ...claims, nbf: now + 3600 }), "TOKEN_INVALID"],
    ["without sub", hs256({ ...claims, sub: undefined }), "TOKEN_INVALID"],
    ["with a sub that is no user id", hs256({ ...claims, sub: "ann bob}" }), "TOKEN_INVALID"],
    ["with a sub of 129 characters", hs256({ ...claims, sub: "x".repeat(129) }), "TOKEN_INVALID"],
    ["with nbf as text", hs256({ ...claims, nbf: "0" }), "TOKEN_INVALID"],
    ["with padding behind its signature", `${valid}=`, "TOKEN_INVALID"],
    ["with a list as sub", hs256({ ...claims, sub: ["ann"] }), "TOKEN_INVALID"],
    ["a list", hs256([]), "TOKEN_INVALID"],
    ["of 5,000 characters", "x".repeat(5_000), "TOKEN_INVALID"],
    ["no JWT", "opensesame-opensesame", "TOKEN_INVALID"],
  ];
  for (const [what, token, code] of wrong) {
    for (const [method, path] of [
      ["POST", issue()],
      ["GET", "/me/coupons"],
      ["GET", `/coupons/requests/${couponId}-${"0".repeat(18)}`],
      ["POST", "/admin/coupons"],
    ] as const) {
      const answer = await ask(method, path, method === "POST" ? "" : undefined, bearer(token));
      expect({ what, path, ...problemOf(answer) }).toEqual({ what, path, status: 401, code });
      expect(answer.headers["www-authenticate"]).toStartWith("Bearer");
      expect(answer.body).not.toContain(token);
    }
  }
  const basic = await ask("POST", issue(), "", { authorization: `Basic ${Buffer.from("a:b").toString("base64")}` });
  expect(problemOf(basic)).toEqual({ status: 401, code: "UNAUTHENTICATED" });
  const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE user_id <> 'ann'`;
  expect(row!.n).toBe(0);
});

test("two tokens in one request, or one folded over two lines, are not guessed at", async () => {
  const token = system.token("ann");
  tokensUsed.add(token);
  const other = system.token("bob");
  tokensUsed.add(other);
  const lines = `authorization: Bearer ${token}\r\nauthorization: Bearer ${other}\r\n`;
  const twice = await once(port, `GET /me/coupons HTTP/1.1\r\nhost: a\r\n${lines}\r\n`);
  expect(problemOf(twice)).toEqual({ status: 401, code: "TOKEN_INVALID" });
  const folded = `GET /me/coupons HTTP/1.1\r\nhost: a\r\nauthorization: Bearer\r\n ${token}\r\n\r\n`;
  expect([400, 401]).toContain((await once(port, folded)).status);
});

test("one user's flood is refused with 429 and Retry-After, and the next user does not feel it", async () => {
  const flooder = system.token("flooder");
  const answers = await Promise.all(Array.from({ length: 300 }, () => claim(system.url, couponId, flooder)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(100);
  expect(refused[0]!.body.code).toBe("RATE_LIMITED");
  expect(Number(refused[0]!.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(await claim(system.url, couponId, system.token("neighbour"))).toMatchObject({ status: 202 });
});

test("after all that every process lives, claims are taken, nothing is wrong, and no log holds a token", async () => {
  const answer = await claim(system.url, couponId, system.token("afterwards"));
  expect(answer.status).toBe(202);
  await system.settled(couponId);
  expect(await system.violations()).toEqual([]);
  expect(tokensUsed.size).toBeGreaterThan(20);
  for (const { pid, output } of [...system.gateways, ...system.consumers]) {
    expect(process.kill(pid, 0)).toBe(true);
    const log = output();
    expect(log.length).toBeGreaterThan(100);
    for (const token of tokensUsed) {
      expect(log.includes(token)).toBe(false);
      // Nor the signature alone, which is the secret part.
      const signature = token.split(".")[2];
      if (signature) expect(log.includes(signature)).toBe(false);
    }
    expect(log).not.toMatch(/"level":60|panic|Segmentation/);
  }
});

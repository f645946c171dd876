import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { once, requestText } from "../contracts/transport/raw-http.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { Client } from "./client.ts";
import { startTestRoom, type TestRoom, tokenFor } from "./room-under-test.ts";

let redis: RedisServer;
let under: TestRoom;

beforeAll(async () => {
  redis = await startRedis();
  under = await startTestRoom(redis.url, {}, { authTimeoutS: 60, allowedOrigins: new Set(["https://shop.example"]) });
});
afterAll(async () => {
  await under.stop();
  await redis.remove();
});

const upgrade = (path: string, headers: Record<string, string>) =>
  once(
    under.port,
    requestText("GET", path, undefined, {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "13",
      ...headers,
    }),
  );

test("a token on the upgrade is welcomed without a message", async () => {
  const client = await Client.open(under.port, { authorization: `Bearer ${tokenFor("header-user")}` });
  const welcome = await client.next("welcome");
  expect(welcome.userId).toBe("header-user");
  expect(welcome.cursor).toMatch(/^\d+-\d+\.[0-9a-f]{16}$/);
  client.close();
});

test("a token in the first message is welcomed", async () => {
  const client = await Client.open(under.port);
  expect((await client.ask({ type: "auth", token: tokenFor("message-user") }, "welcome")).userId).toBe("message-user");
  client.close();
});

test("a bad token on the upgrade is 401 with a problem, and no socket", async () => {
  const cases: [string, string][] = [
    [`Bearer ${tokenFor("u", 3600, "another secret of thirty-two bytes!")}`, "TOKEN_INVALID"],
    [`Bearer ${tokenFor("u", -60)}`, "TOKEN_EXPIRED"],
    ["Basic dTpw", "UNAUTHENTICATED"],
    ["Bearer nonsense", "TOKEN_INVALID"],
  ];
  for (const [authorization, code] of cases) {
    const { status, headers, body } = await upgrade("/ws", { authorization });
    expect([status, headers["content-type"], JSON.parse(body).code]).toEqual([401, "application/problem+json", code]);
  }
});

test("a token in the URL is refused, so that clients learn not to put it into access logs", async () => {
  const { status, body } = await upgrade(`/ws?token=${tokenFor("u")}`, {});
  expect([status, JSON.parse(body).code]).toEqual([401, "UNAUTHENTICATED"]);
  expect((await upgrade("/ws?a=1&access_token=x", {})).status).toBe(401);
  expect((await upgrade("/ws?tokens=1", {})).status).toBe(101);
});

test("only the listed origins may open a socket; a client without an origin is no browser", async () => {
  const refused = await upgrade("/ws", { origin: "https://evil.example" });
  expect([refused.status, JSON.parse(refused.body).code]).toEqual([403, "ORIGIN_REFUSED"]);
  expect((await upgrade("/ws", { origin: "https://shop.example" })).status).toBe(101);
  expect((await upgrade("/ws", {})).status).toBe(101);
});

test("who does not authenticate in time is closed with 4001, who did stays", async () => {
  const strict = await startTestRoom(redis.url, {}, { authTimeoutS: 1 });
  const signedIn = await Client.open(strict.port, { authorization: `Bearer ${tokenFor("in-time")}` });
  const [talkative, silent] = [await Client.open(strict.port), await Client.open(strict.port)];
  talkative.send({ type: "ping", ref: "before auth" });
  expect(await talkative.next("error")).toMatchObject({ code: "UNAUTHENTICATED", ref: "before auth" });
  expect((await silent.next("error")).code).toBe("AUTH_TIMEOUT");
  expect([await silent.closed(), await talkative.closed()]).toEqual([CLOSE.AUTH_TIMEOUT, CLOSE.AUTH_TIMEOUT]);
  expect((await signedIn.ask({ type: "ping" }, "pong")).type).toBe("pong");
  signedIn.close();
  await strict.stop();
});

test("a bad token in a message says why and closes with 4003", async () => {
  const client = await Client.open(under.port);
  expect((await client.ask({ type: "auth", token: tokenFor("u", -60) }, "error")).code).toBe("TOKEN_EXPIRED");
  expect(await client.closed()).toBe(CLOSE.UNAUTHENTICATED);
});

test("a socket takes a token as long as a request would: a few seconds beyond its end, and no longer", async () => {
  const client = await Client.signedIn(under.port, tokenFor("late", -2));
  expect((await client.next("error")).code).toBe("TOKEN_EXPIRED");
  expect(await client.closed()).toBe(CLOSE.UNAUTHENTICATED);
});

test("a socket is closed when its token expires, unless it was given a fresh one of the same user", async () => {
  const [expiring, renewed] = [tokenFor("expiring", 3), tokenFor("renewed", 3)];
  const [first, second] = [await Client.signedIn(under.port, expiring), await Client.signedIn(under.port, renewed)];
  expect((await second.ask({ type: "auth", token: tokenFor("somebody-else") }, "error")).code).toBe("FORBIDDEN");
  expect((await second.ask({ type: "auth", token: tokenFor("renewed") }, "welcome")).userId).toBe("renewed");
  expect((await first.next("error")).code).toBe("TOKEN_EXPIRED");
  expect(await first.closed()).toBe(CLOSE.UNAUTHENTICATED);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(second.closeCode).toBeUndefined();
  second.close();
});

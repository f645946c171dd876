import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { once, requestText } from "../contracts/transport/raw-http.ts";
import { OP, RawWebSocket } from "../contracts/transport/raw-websocket.ts";
import { call, claim } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
let port: number;
const tokensUsed: string[] = [];

beforeAll(async () => {
  const gatewayEnv = { LOG_LEVEL: "trace", SOCKET_BUFFER_BYTES: "16384", ALLOWED_ORIGINS: "https://shop.example" };
  system = await startSystem("bad_sockets", { gatewayEnv });
  port = system.gateways[0]!.port;
}, 180_000);
afterAll(() => system?.close());

function tokenOf(user: string): string {
  const token = system.token(user);
  tokensUsed.push(token);
  return token;
}
const enter = (user: string) => TestSocket.welcomed(system.url, tokenOf(user));

/** A socket whose frames are written by hand, after its welcome. */
async function enterRaw(user: string): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(port, "/ws", { authorization: `Bearer ${tokenOf(user)}` });
  await until("the welcome", () => socket.texts().some((text) => text.includes('"welcome"')));
  return socket;
}

test("binary messages are not ours: 1003", async () => {
  const socket = await enter("binary");
  socket.sendBytes(new TextEncoder().encode('{"type":"ping"}'));
  expect(await socket.closed()).toBe(CLOSE.UNSUPPORTED_DATA);
  expect(socket.all("error")).toMatchObject([{ code: "MESSAGE_INVALID" }]);
  expect(socket.all("pong")).toEqual([]);
});

test("a message beyond the limit ends the socket, in one frame, in fragments, or merely announced", async () => {
  const whole = await enter("giant");
  whole.send("x".repeat(20_000));
  expect([CLOSE.TOO_BIG, 1006]).toContain(await whole.closed());

  const fragments = await enterRaw("giant-in-parts");
  fragments.send(OP.text, "x".repeat(6_000), false);
  for (let i = 0; i < 12; i++) fragments.send(OP.continuation, "x".repeat(6_000), false);
  await until("the connection ends", () => fragments.http.isClosed || fragments.closeCode() !== undefined);

  const announced = await enterRaw("giant-on-paper");
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0xff;
  head.writeBigUInt64BE(1n << 40n, 2);
  announced.http.write(head);
  await until("the connection ends", () => announced.http.isClosed || announced.closeCode() !== undefined);
});

test("frames against RFC 6455 end the socket and nothing else", async () => {
  const witness = await enter("witness");
  const attacks: readonly [string, (socket: RawWebSocket) => void][] = [
    ["a reserved opcode", (socket) => socket.send(3, "x")],
    ["a fragmented ping", (socket) => socket.send(OP.ping, "x", false)],
    ["a long ping", (socket) => socket.send(OP.ping, "x".repeat(200))],
    ["text that is not UTF-8", (socket) => socket.send(OP.text, Buffer.from([0xff, 0xfe, 0xfd]))],
    ["HTTP again", (socket) => socket.http.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n")],
    ["gone without a word", (socket) => socket.http.close()],
  ];
  for (const [what, attack] of attacks) {
    const socket = await enterRaw(`attacker-${what.replaceAll(" ", "-")}`);
    attack(socket);
    await until(`${what} ends it`, () => socket.http.isClosed || socket.closeCode() !== undefined);
    socket.http.close();
  }
  witness.send({ type: "ping" });
  await witness.hears("pong");
  witness.close();
});

test("what is no message of ours is answered MESSAGE_INVALID, and the socket goes on", async () => {
  const socket = await enter("clumsy");
  const nonsense = [
    "",
    "hello",
    "{",
    "[]",
    "null",
    '"claim"',
    "{}",
    '{"type":"dance"}',
    '{"type":["claim"]}',
    '{"type":"__proto__"}',
    '{"type":"constructor","ref":"c"}',
    '{"type":"claim"}',
    '{"type":"claim","couponId":5}',
    `{"type":"claim","couponId":"${"x".repeat(100)}"}`,
    '{"type":"subscribe","couponId":null}',
    '{"type":"resume","cursor":5}',
    `{"type":"ping","ref":"${"x".repeat(65)}"}`,
    '{"type":"auth"}',
    '{"type":"auth","token":{}}',
  ];
  for (const text of nonsense) socket.send(text);
  await socket.hears("error", nonsense.length);
  expect(new Set(socket.all("error").map(({ code }) => code))).toEqual(new Set(["MESSAGE_INVALID"]));
  expect(socket.all("error").filter(({ ref }) => ref === "c")).toHaveLength(1);
  socket.send({ type: "claim", couponId: "쿠폰", ref: "1" });
  expect(await socket.hears("claim.refused")).toMatchObject({ ref: "1", code: "COUPON_NOT_FOUND" });
  socket.send({ type: "subscribe", couponId: "0".repeat(12), ref: "2" });
  expect(await socket.hears("error", nonsense.length + 1)).toMatchObject({ ref: "2", code: "COUPON_NOT_FOUND" });
  socket.send({ type: "resume", cursor: "no cursor of ours" });
  await socket.hears("resync");
  socket.send({ type: "ping", unknown: "members are ignored" });
  await socket.hears("pong");
  socket.close();
});

test("before it is authenticated a socket gets nothing but UNAUTHENTICATED, whatever it asks, except to watch", async () => {
  const { id: couponId } = await system.createSale({ total: 1 });
  const messages = [{ type: "claim", couponId }, { type: "resume" }, { type: "ping" }];
  const sockets = await Promise.all(
    messages.map(async (message) => {
      const socket = await TestSocket.open(system.url);
      socket.send(message);
      expect(await socket.hears("error")).toMatchObject({ code: "UNAUTHENTICATED" });
      return socket;
    }),
  );
  expect(await claim(system.url, couponId, tokenOf("winner"))).toMatchObject({ status: 202, body: { slot: 1 } });
  await system.settled(couponId);
  for (const socket of sockets) {
    expect(socket.all("sale.soldout")).toEqual([]);
    expect(socket.closeCode).toBeNull(); // one mistake
    socket.send({ type: "ping" });
    expect(await socket.closed()).toBe(CLOSE.POLICY);
  }
});

test("a socket stays its user's: another token is refused, a bad one ends it", async () => {
  const socket = await enter("ann");
  socket.send({ type: "auth", token: tokenOf("bob") });
  expect(await socket.hears("error")).toMatchObject({ code: "FORBIDDEN" });
  socket.send({ type: "auth", token: "no token" });
  expect(await socket.closed()).toBe(CLOSE.UNAUTHENTICATED);
});

test("a flood of messages is refused, then cut off, and others do not feel it", async () => {
  const flooder = await enter("flooder");
  const neighbour = await enter("neighbour");
  for (let i = 0; i < 2_000; i++) flooder.send('{"type":"ping"}');
  expect(await flooder.closed()).toBe(CLOSE.POLICY);
  expect(flooder.all("pong").length).toBeGreaterThanOrEqual(100);
  expect(flooder.all("pong").length).toBeLessThan(500);
  expect(flooder.all("error").every(({ code }) => code === "RATE_LIMITED")).toBe(true);
  neighbour.send({ type: "ping" });
  await neighbour.hears("pong");
  neighbour.close();
});

test("ninety claims of one socket at once take one coupon, and each of them has its answer", async () => {
  const { id: couponId } = await system.createSale({ total: 50 });
  const socket = await enter("eager");
  for (let i = 0; i < 90; i++) socket.send({ type: "claim", couponId, ref: String(i) });
  await until("every claim has its answer", () => {
    const refs = socket.heard.flatMap((message) =>
      "ref" in message && message.ref !== undefined ? [message.ref] : [],
    );
    return new Set(refs).size === 90;
  });
  const accepted = socket.all("claim.accepted");
  expect(new Set(accepted.map(({ requestId }) => requestId)).size).toBe(1);
  expect(
    new Set(socket.all("error").map(({ code }) => code)).difference(new Set(["OVERLOADED", "RATE_LIMITED"])).size,
  ).toBe(0);
  expect((await call(`${system.url}/coupons/${couponId}`)).body.remaining).toBe(49);
  socket.close();
});

test("an upgrade that is none, with a token in its URL, or from a foreign page, is refused with a problem", async () => {
  const plain = await once(port, requestText("GET", "/ws"));
  expect({ status: plain.status, code: JSON.parse(plain.body).code }).toEqual({
    status: 426,
    code: "UPGRADE_REQUIRED",
  });
  const open = (path: string, headers: Record<string, string>) => RawWebSocket.open(port, path, headers);
  const inUrl = await open(`/ws?token=${tokenOf("ann")}`, {});
  expect(inUrl.response.status).toBe(401);
  const foreign = await open("/ws", { authorization: `Bearer ${tokenOf("ann")}`, origin: "https://evil.example" });
  expect(foreign.response.status).toBe(403);
  expect(JSON.parse(foreign.response.body).code).toBe("ORIGIN_REFUSED");
  const ours = await open("/ws", { authorization: `Bearer ${tokenOf("ann")}`, origin: "https://shop.example" });
  expect(ours.response.status).toBe(101);
  const version = await open("/ws", { authorization: `Bearer ${tokenOf("ann")}`, "sec-websocket-version": "7" });
  expect([101, 400, 426]).toContain(version.response.status);
  for (const socket of [inUrl, foreign, ours, version]) socket.http.close();
});

test("a reader that stops reading is dropped, and its neighbours hear everything", async () => {
  const [slow, quick] = [await enterRaw("slow"), await enter("quick")];
  // An inbox of two megabytes, read six times: more than the kernel's buffers and the gateway's hold.
  const message = JSON.stringify({ type: "coupon.issued", couponId: "x", requestId: "y".repeat(10_000), slot: 1 });
  const write = system.redis.pipeline();
  for (let i = 0; i < 200; i++) write.xadd("{u:slow}:inbox", "*", "m", message);
  await write.exec();
  slow.stopReading();
  for (let i = 0; i < 6; i++) slow.send(OP.text, '{"type":"resume"}');
  const sockets = async () => {
    const { body } = await call(`${system.url}/metrics`);
    return Number(/^stampede_sockets (\d+)$/m.exec(body)![1]);
  };
  await until("the slow reader is dropped", async () => (await sockets()) === 1);
  quick.send({ type: "ping" });
  await quick.hears("pong");
  slow.readAgain();
  // What was queued for it comes first, then why it had to go.
  const code = await until("its close code", () => slow.closeCode());
  expect(code).toBe(CLOSE.SLOW_READER);
  quick.close();
});

test("after all that the process lives, sockets and claims work, and the log holds no token", async () => {
  const { id: couponId } = await system.createSale({ total: 1 });
  const socket = await enter("afterwards");
  socket.send({ type: "claim", couponId });
  await socket.hears("claim.accepted");
  await socket.hears("coupon.issued");
  socket.close();
  const [gateway] = system.gateways;
  expect(process.kill(gateway!.pid, 0)).toBe(true);
  await until("no socket is left behind", async () =>
    /^stampede_sockets 0$/m.test((await call(`${system.url}/metrics`)).body),
  );
  const log = gateway!.output();
  expect(tokensUsed.length).toBeGreaterThan(20);
  for (const token of tokensUsed) expect(log.includes(token.split(".")[2]!)).toBe(false);
  expect(await system.violations()).toEqual([]);
});

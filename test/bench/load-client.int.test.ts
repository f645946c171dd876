import { afterEach, expect, test } from "bun:test";
import { drive } from "../../bench/load/drive.ts";
import { Histogram } from "../../bench/load/histogram.ts";
import type { LoadPlan } from "../../bench/load/plan.ts";

let server: { stop(force: boolean): unknown } | undefined;
afterEach(() => server?.stop(true));

const subjectOf = (header: string | null) =>
  JSON.parse(Buffer.from(header!.split(".")[1]!, "base64url").toString()).sub as string;

function plan(port: number, more: Partial<LoadPlan> = {}): LoadPlan {
  return {
    client: "sockets",
    host: "127.0.0.1",
    port,
    path: "/claim",
    method: "POST",
    connections: 16,
    users: { prefix: "u-", from: 0, count: 500 },
    amount: 500,
    seconds: null,
    startAtMs: null,
    secret: "s",
    issuer: "stampede",
    audience: "stampede",
    ...more,
  };
}

/** A sale of ten that keeps a list of who asked. */
function smallSale() {
  const asked: string[] = [];
  const serving = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(subjectOf(request.headers.get("authorization")));
      const slot = asked.length;
      if (slot > 10) return Response.json({ code: "SOLD_OUT" }, { status: 409 });
      return Response.json({ requestId: `r${slot}`, slot, durable: "kafka" }, { status: 202 });
    },
  });
  server = serving;
  return { port: serving.port!, asked };
}

for (const client of ["sockets", "autocannon"] as const) {
  test(`${client}: every user asks exactly once, and every answer is kept`, async () => {
    const { port, asked } = smallSale();
    const result = await drive(plan(port, { client }));
    expect(asked).toHaveLength(500);
    expect(new Set(asked).size).toBe(500);
    expect(result).toMatchObject({ requests: 500, errors: 0, statuses: { 202: 10, 409: 490 } });
    expect(result.wins.map((win) => [win.slot, `u-${win.user}`]).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
      asked.slice(0, 10).map((userId, i) => [i + 1, userId]),
    );
    expect(Histogram.parse(result.latency).count).toBe(500);
  });
}

test("a load by time ends in time and goes through its users again and again", async () => {
  const { port, asked } = smallSale();
  const result = await drive(plan(port, { amount: null, seconds: 0.5, users: { prefix: "u-", from: 0, count: 20 } }));
  expect(result.seconds).toBeGreaterThan(0.45);
  expect(result.seconds).toBeLessThan(20);
  expect(result.requests).toBe(asked.length);
  expect(new Set(asked).size).toBe(20);
});

test("a load waits for its moment", async () => {
  const { port } = smallSale();
  const startAtMs = Date.now() + 1_000;
  const result = await drive(plan(port, { startAtMs }));
  expect(result.startedAtMs).toBeGreaterThanOrEqual(startAtMs - 1);
});

test("a connection that the server closes after its answer is replaced, and no request is lost", async () => {
  let answered = 0;
  const serving = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("{}", { status: 409, headers: answered++ % 7 === 0 ? { connection: "close" } : {} }),
  });
  server = serving;
  const result = await drive(plan(serving.port!));
  expect(result).toMatchObject({ requests: 500, statuses: { 409: 500 } });
});

test("a connection that breaks without an answer counts as an error", async () => {
  let seen = 0;
  const listener = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: {
      data(socket) {
        if (seen++ === 3) socket.terminate();
        else socket.write("HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n{}");
      },
    },
  });
  server = listener;
  const result = await drive(plan(listener.port, { connections: 2 }));
  expect(result.errors).toBe(1);
  expect(result.requests).toBe(499);
});

test("an answer in pieces is one answer", async () => {
  const listener = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: {
      async data(socket) {
        for (const piece of ["HTTP/1.1 409 Con", "flict\r\nContent-Le", "ngth: 4\r\n\r\n{", " ", "}\n"]) {
          socket.write(piece);
          socket.flush();
          await Bun.sleep(1);
        }
      },
    },
  });
  server = listener;
  const result = await drive(plan(listener.port, { amount: 20, connections: 2 }));
  expect(result).toMatchObject({ requests: 20, errors: 0, statuses: { 409: 20 }, samples: { 409: "{ }\n" } });
});

test("a server that does not run fails the load with a sentence", async () => {
  await expect(drive(plan(1))).rejects.toThrow("the load process failed");
});

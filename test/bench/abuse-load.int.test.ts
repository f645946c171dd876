import { afterEach, expect, test } from "bun:test";
import { Paced } from "../../bench/abuse/paced.ts";
import type { PacedPlan } from "../../bench/abuse/plan.ts";
import { startConstantServer } from "../../bench/abuse/processes.ts";

let stop: (() => unknown) | undefined;
afterEach(() => stop?.());

const plan = (port: number, more: Partial<PacedPlan> = {}): PacedPlan => ({
  kind: "abusers",
  host: "127.0.0.1",
  port,
  connections: 8,
  users: 20,
  prefix: "u-",
  perSecond: 200,
  seconds: 1,
  coupons: ["one", "two"],
  sockets: 0,
  secret: "s",
  issuer: "stampede",
  audience: "stampede",
  ...more,
});

test("the constant server answers every request of a paced load, and upgrades too", async () => {
  const server = await startConstantServer();
  stop = () => server.stop();
  const { answers, broken, seconds } = await new Paced(plan(server.port, { sockets: 2 })).run();
  expect(Object.keys(answers).sort()).toEqual(["429", "socket closed"]);
  expect(answers["429"]).toBeGreaterThanOrEqual(Math.floor(200 * Math.min(seconds, 1)) - 1);
  expect(broken).toBe(0);
});

test("abusers come from one address with all kinds of requests, honest users from one each with claims", async () => {
  const seen: { line: string; address: string | null; user: string }[] = [];
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      const token = request.headers.get("authorization")!.split(".")[1]!;
      seen.push({
        line: `${request.method} ${new URL(request.url).pathname}`,
        address: request.headers.get("x-forwarded-for"),
        user: JSON.parse(Buffer.from(token, "base64url").toString()).sub,
      });
      return new Response("ok");
    },
  });
  stop = () => server.stop(true);
  const port = server.port!;
  const abusers = await new Paced(plan(port)).run();
  expect(abusers.answers["200"]).toBe(seen.length);
  expect(new Set(seen.map(({ address }) => address)).size).toBe(1);
  expect(new Set(seen.map(({ line }) => line)).size).toBe(6);
  seen.length = 0;
  await new Paced(plan(port, { kind: "honest" })).run();
  expect(new Set(seen.map(({ address }) => address)).size).toBe(20);
  expect(new Set(seen.map(({ line }) => line))).toEqual(
    new Set(["POST /coupons/one/issue", "POST /coupons/two/issue"]),
  );
  // Nobody claims a coupon twice while there are sales left.
  const first = seen.slice(0, 40).map(({ line, user }) => `${line} ${user}`);
  expect(new Set(first).size).toBe(first.length);
});

test("a server that hangs up breaks nothing but is counted", async () => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end() },
  });
  stop = () => server.stop(true);
  const { answers, broken } = await new Paced(plan(server.port)).run();
  expect(answers).toEqual({});
  expect(broken).toBeGreaterThan(10);
});

import { afterAll, expect, test } from "bun:test";
import { createServer } from "node:net";
import type { StackEnv } from "../../stack/service.ts";
import { adminApi } from "./admin-api.ts";

/** A gateway that takes a request and does not live to answer it, or answers 503. */
const seen: string[] = [];
const answers: (string | null)[] = [];
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => {
    seen.push(data.toString());
    const answer = answers.shift();
    if (answer === null) socket.destroy();
    else if (answer !== undefined) socket.end(answer);
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => void server.close());
const { port } = server.address() as { port: number };
const envAt = (at: number) =>
  ({
    GATEWAY_HOST: "127.0.0.1",
    GATEWAY_PORT: String(at),
    ADMIN_PORT: String(at),
    JWT_SECRET: "a secret of at least thirty-two bytes",
    JWT_ISSUER: "stampede",
    JWT_AUDIENCE: "stampede",
  }) as unknown as StackEnv;
const api = adminApi(envAt(port), 300);
const product = { name: "Mug", stock: 1, price: 1 } as never;

async function saidOf(change: Promise<unknown>): Promise<string> {
  return change.then(
    () => "done",
    (error: Error) => error.message,
  );
}

test("a change that was not answered in time says that its outcome is unknown, and the key that repeats it", async () => {
  for (const answer of [undefined, null]) {
    answers.push(answer as null);
    const said = await saidOf(api.createProduct(product));
    const sent = /idempotency-key: (\S+)/i.exec(seen.at(-1)!)?.[1];
    expect(sent).toMatch(/^[0-9a-f-]{36}$/);
    expect(said).toContain(`outcome unknown, repeat with --key ${sent}: it happens once`);
  }
  expect(await saidOf(api.restock("x", 1, "delivery o'clock"))).toContain("--key 'delivery o'\\''clock'");
  expect(await saidOf(api.grantPoints({} as never, "k1"))).toContain("--key k1");
  const times = { startsAt: "2027-01-01T00:00:00.000Z", endsAt: "2027-01-02T00:00:00.000Z" };
  expect(await saidOf(api.create(times as never, "k2"))).toContain(
    "repeat with --key k2 --starts 2027-01-01T00:00:00.000Z --ends 2027-01-02T00:00:00.000Z: it happens once",
  );
});

test("a change that happens once by its nature is just repeated; a question that was not answered has no outcome", async () => {
  expect(await saidOf(api.change("x", "pause"))).toContain("outcome unknown, repeat the command");
  expect(await saidOf(api.show("x"))).toBe(`no gateway answers at http://127.0.0.1:${port}: start it with ./dev up`);
});

test("a 503 to a change leaves it unknown, too; a refusal does not", async () => {
  const problem = (status: string, code: string) => {
    const body = JSON.stringify({ code, detail: "no" });
    return `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  };
  answers.push(problem("503", "DATABASE_UNAVAILABLE"), problem("400", "VALIDATION_FAILED"));
  expect(await saidOf(api.createProduct(product, "k"))).toBe(
    "the gateway refused with 503 DATABASE_UNAVAILABLE: no; outcome unknown, repeat with --key k: it happens once",
  );
  expect(await saidOf(api.createProduct(product, "k"))).toBe("the gateway refused with 400 VALIDATION_FAILED: no");
});

test("a key that is used again without its times is told which times that meant; another key is not", async () => {
  const problem = () => {
    const body = JSON.stringify({ code: "IDEMPOTENCY_KEY_REUSED", detail: "no" });
    return `HTTP/1.1 422 X\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  };
  answers.push(problem(), problem());
  const times = { startsAt: "2027-01-01T00:00:00.000Z", endsAt: "2027-01-02T00:00:00.000Z" };
  expect(await saidOf(api.create(times as never, "k"))).toBe(
    "the gateway refused with 422 IDEMPOTENCY_KEY_REUSED: no; times that are not written out count from now, so this command " +
      "meant --starts 2027-01-01T00:00:00.000Z --ends 2027-01-02T00:00:00.000Z: write those of the first time",
  );
  expect(await saidOf(api.restock("x", 1, "k"))).toBe("the gateway refused with 422 IDEMPOTENCY_KEY_REUSED: no");
});

test("another program at the gateway's port is named as such", async () => {
  answers.push("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
  expect(await saidOf(api.list(1))).toBe(
    `what answers at http://127.0.0.1:${port} is no gateway (it says "<html>"): stop it, or set GATEWAY_PORT and ADMIN_PORT`,
  );
});

test("where no server listens nothing can have happened", async () => {
  const said = await saidOf(adminApi(envAt(1)).createProduct(product, "k"));
  expect(said).toBe("no gateway answers at http://127.0.0.1:1: start it with ./dev up");
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { claim } from "../support/client.ts";
import { freePort } from "../support/free-port.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { nothingIsOwed } from "../support/orders-kept.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type System, startSystem } from "../support/system.ts";

setDefaultTimeout(180_000);

// What docs/production.md says about Redis: TLS, and a user for each process from ops/redis/users.acl.
let system: System;
let server: RedisServer;
let certificate: Certificate;
let redisUrl: (user: string) => string;

beforeAll(async () => {
  certificate = makeCertificate();
  const users = join(certificate.directory, "users.acl");
  const acl = readFileSync(join(import.meta.dir, "../../ops/redis/users.acl"), "utf8");
  writeFileSync(users, `${acl}user default on nopass ~* &* +@all\n`); // the test itself
  const tlsPort = freePort();
  const files = ["--tls-cert-file", certificate.certificate, "--tls-key-file", certificate.key];
  server = await startRedis({
    args: ["--tls-port", String(tlsPort), ...files, "--tls-auth-clients", "no", "--aclfile", users],
  });
  redisUrl = (user) => `rediss://${user}:change-me-${user}@localhost:${tlsPort}`;
  const trusted = { NODE_EXTRA_CA_CERTS: certificate.certificate };
  system = await startSystem("production_settings", {
    redisUrl: server.url,
    payments: {},
    gatewayEnv: { ...trusted, REDIS_URL: redisUrl("gateway") },
    consumersEnv: { ...trusted, REDIS_URL: redisUrl("consumers") },
  });
}, 180_000);

afterAll(async () => {
  await system?.close();
  await server?.remove();
  certificate?.remove();
}, 180_000);

test("claims, queued claims and orders work over TLS with the users of ops/redis/users.acl, and Redis refused nothing", async () => {
  const mug = await createProduct(system, { stock: 10, price: 2_000, flash: true });
  const { id } = await system.createSale({ total: 1 });
  expect((await claim(system.url, id, system.token("ann"))).status).toBe(202);
  expect((await claim(system.url, id, system.token("bob"))).body.code).toBe("SOLD_OUT");
  const queued = await system.createSale({ total: 1, issueMode: "QUEUED" });
  expect((await claim(system.url, queued.id, system.token("ann"))).status).toBe(202);
  await system.settled(id);
  const wish = { items: [{ productId: mug.id, quantity: 2 }], payment: { token: "tok_ok" } };
  expect((await placeOrder(system, "ann", wish)).status).toBe(202);
  await nothingIsOwed(system);
  expect(await system.violations()).toEqual([]);
  // Each command that a user may not call is a line of this log.
  const refused = (await system.redis.call("ACL", "LOG")) as unknown[];
  expect(refused).toEqual([]);
});

test("the gateway's user cannot flush Redis or change its settings", async () => {
  const script = `
    import { createRedis, whenReady } from ${JSON.stringify(join(import.meta.dir, "../../lua/redis.ts"))};
    const redis = createRedis(process.env.REDIS_URL);
    const isReady = await whenReady(redis, 10_000);
    const codes = [];
    for (const command of [["FLUSHALL"], ["CONFIG", "SET", "appendonly", "no"], ["KEYS", "*"], ["SCRIPT", "FLUSH"], ["SHUTDOWN"]])
      codes.push(isReady ? await redis.call(...command).then(() => "allowed", (error) => error.message.split(" ")[0]) : "away");
    console.log(codes.join());
    redis.disconnect();`;
  const run = (env: Record<string, string>) =>
    Bun.spawnSync([process.execPath, "-e", script], { env: { PATH: process.env.PATH!, ...env } })
      .stdout.toString()
      .trim();
  const env = { REDIS_URL: redisUrl("gateway"), NODE_EXTRA_CA_CERTS: certificate.certificate };
  expect(run(env)).toBe("NOPERM,NOPERM,NOPERM,NOPERM,NOPERM");
  // A certificate that nobody vouches for is refused.
  expect(run({ REDIS_URL: redisUrl("gateway") })).toBe("away,away,away,away,away");
});

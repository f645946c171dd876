import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, claim } from "../support/client.ts";
import { installSchemathesis } from "../support/schemathesis.ts";
import { type System, startSystem } from "../support/system.ts";

/** Cases per operation; with about 50 operations a run takes two to four minutes on 2 cores. */
const EXAMPLES = 25;
const LIMIT_MS = 600_000;
/** The weight of an id that exists among those that are generated for a path. */
const EXISTING = 0.7;
const found = await installSchemathesis();
if ("missing" in found) console.log(`skipped: Schemathesis: ${found.missing}`);

let system: System;
beforeAll(async () => {
  if ("missing" in found) return;
  // Generated requests come as fast as they can; what is tested is what they are answered.
  const unlimited = { USER_RATE_PER_S: "100000", USER_RATE_BURST: "100000" };
  system = await startSystem("openapi", { payments: {}, gatewayEnv: unlimited });
}, 180_000);
afterAll(() => system?.close());

/** Ids that exist, so that generated calls get behind the 404s: a sale, a claim of it, a product, an order. */
async function existingIds(): Promise<Record<string, string>> {
  const { url, operator: token } = system;
  const { id: couponId } = await system.createSale({ total: 1_000 });
  const product = await call(`${url}/admin/products`, {
    token,
    json: { name: "Generated", price: 100, stock: 1_000_000 },
  });
  const productId: string = product.body.id;
  const order = await call(`${url}/orders`, { token, json: { items: [{ productId, quantity: 1 }] } });
  const claimed = await claim(url, couponId, token);
  expect([product.status, order.status, claimed.status]).toEqual([201, 202, 202]);
  return { couponId, productId, orderId: order.body.orderId, requestId: claimed.body.requestId };
}

/** Schemathesis' configuration, which offers these ids for the paths' parameters. */
function configOf(ids: Readonly<Record<string, string>>): string {
  const lines = Object.entries(ids).flatMap(([name, id]) => [
    `[dictionaries.${name}]`,
    `values = [${JSON.stringify(id)}]`,
    `[parameters."path.${name}"]`,
    `dictionary = "${name}"`,
    `probability = ${EXISTING}`,
  ]);
  return `${lines.join("\n")}\n`;
}

test.skipIf("missing" in found)(
  "whatever is generated from openapi.json gets no 5xx, no status, type or body that it does not name",
  async () => {
    if ("missing" in found) return;
    const checks = [
      "not_a_server_error",
      "status_code_conformance",
      "content_type_conformance",
      "response_schema_conformance",
    ];
    const folder = mkdtempSync(join(tmpdir(), "stampede-openapi-")); // where it also keeps its records
    const config = join(folder, "schemathesis.toml");
    writeFileSync(config, configOf(await existingIds()));
    const argv = [
      found.program,
      "--config-file",
      config,
      "run",
      `${system.url}/openapi.json`,
      `--checks=${checks.join(",")}`,
      `--max-examples=${EXAMPLES}`,
      "--phases=examples,coverage,fuzzing",
      "--seed=7",
      "--continue-on-failure",
      "--suppress-health-check=all",
      "--no-color",
      "--no-shrink",
      "--generation-database=none",
      `--header=Authorization: Bearer ${system.operator}`,
    ];
    const child = Bun.spawn(argv, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS });
    const [out, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect({ code: await child.exited, told: out.slice(-12_000) + errors.slice(-2_000) }).toMatchObject({ code: 0 });
    expect(out).toMatch(/[1-9]\d* (generated|passed|tests?)/);
    expect(await system.violations()).toEqual([]);
  },
  LIMIT_MS + 30_000,
);

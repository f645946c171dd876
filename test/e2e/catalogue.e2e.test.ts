import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import { MAX_MONEY } from "../../contracts/wire/money.ts";
import { type ApiAnswer, call } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("catalogue", { consumers: false, gatewayEnv: { LOG_LEVEL: "trace" } });
}, 180_000);
afterAll(() => system?.close());

const code = ({ status, body }: ApiAnswer) => ({ status, code: body.code });
const post = (path: string, json: unknown, headers: Record<string, string> = {}) =>
  call(system.url + path, { token: system.operator, json, headers });
const createProduct = async (wish: object = {}): Promise<Product> => {
  const { status, body } = await post("/admin/products", {
    name: "Mug",
    stock: 10,
    price: 1250,
    flash: false,
    ...wish,
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
};
const invalid = { status: 400, code: "VALIDATION_FAILED" };
const notFound = { status: 404, code: "PRODUCT_NOT_FOUND" };

test("an operator creates a product, every user sees it, and restocking raises what can be sold", async () => {
  const created = await post("/admin/products", { name: "Mug", stock: 10, price: 1250, flash: true, currency: "USD" });
  expect(created.status).toBe(201);
  const { body: product } = created;
  expect(created.headers.get("location")).toBe(`/products/${product.id}`);
  expect(product).toMatchObject({ name: "Mug", stock: 10, price: 1250, flash: true, currency: "USD" });
  expect(product.productId).toBe(product.id);
  expect((await call(`${system.url}/products/${product.id}`)).body).toEqual(product);
  expect((await call(`${system.url}/products`)).body.items).toContainEqual(product);
  const restocked = await post(`/admin/products/${product.id}/restock`, { quantity: 5 });
  expect(restocked).toMatchObject({ status: 200, body: { id: product.id, stock: 15 } });
  expect((await call(`${system.url}/products/${product.id}`)).body.stock).toBe(15);
});

test.each([
  [{ stock: -1 }],
  [{ stock: 1.5 }],
  [{ stock: "1" }],
  [{ stock: 1e9 + 1 }],
  [{ stock: 1e300 }],
  [{ price: -1 }],
  [{ price: 0.5 }],
  [{ price: MAX_MONEY + 1 }],
  [{ price: null }],
  [{ name: "" }],
  [{ name: "x".repeat(201) }],
  [{ name: "a\u0000b" }],
  [{ name: "a\ud83d" }],
  [{ flash: "yes" }],
  [{ currency: "euro" }],
  [{ currency: "eur" }],
  [{ id: "mine" }],
])("a product with %p is refused", async (wrong) => {
  expect(code(await post("/admin/products", { name: "Mug", stock: 1, price: 1, flash: false, ...wrong }))).toEqual(
    invalid,
  );
});

test("a product may cost nothing, or the most there is, and may be out of stock", async () => {
  const product = await createProduct({ stock: 0, price: 0 });
  expect(product).toMatchObject({ stock: 0, price: 0 } as never);
  expect(await createProduct({ price: MAX_MONEY, stock: 1e9, name: "쿠폰 😀" })).toMatchObject({
    price: MAX_MONEY,
    name: "쿠폰 😀",
  } as never);
});

test("restocking refuses what is no quantity, an unknown product, and more than may ever come in", async () => {
  const { id } = await createProduct({ stock: 1e9 });
  for (const quantity of [0, -1e9 - 1, 1.5, 1e9 + 1, "1", null, undefined]) {
    expect(code(await post(`/admin/products/${id}/restock`, { quantity }))).toEqual(invalid);
  }
  expect(code(await post(`/admin/products/${id}/restock`, { quantity: 1 }))).toEqual({
    status: 422,
    code: "AMOUNT_OUT_OF_RANGE",
  });
  for (const unknown of ["nobodys", "-1", "%00", "a".repeat(8_000), encodeURIComponent("' OR 1=1 --")]) {
    expect(code(await post(`/admin/products/${unknown}/restock`, { quantity: 1 }))).toEqual(notFound);
    expect(code(await call(`${system.url}/products/${unknown}`))).toEqual(notFound);
  }
});

test("a repeat under the same Idempotency-Key changes nothing; another body under it is refused", async () => {
  const { id } = await createProduct();
  const path = `/admin/products/${id}/restock`;
  const key = { "idempotency-key": "delivery 4711" };
  const first = await post(path, { quantity: 3 }, key);
  expect(first).toMatchObject({ status: 200, body: { stock: 13 } });
  expect((await post(path, { quantity: 3 }, key)).body).toEqual(first.body);
  expect(code(await post(path, { quantity: 4 }, key))).toEqual({ status: 422, code: "IDEMPOTENCY_KEY_REUSED" });
  expect((await call(`${system.url}/products/${id}`)).body.stock).toBe(13);
  expect(code(await post(path, { quantity: 1 }, { "idempotency-key": "x".repeat(129) }))).toEqual({
    status: 400,
    code: "IDEMPOTENCY_KEY_INVALID",
  });
  const wish = { name: "Once", stock: 1, price: 1 };
  const [a, b] = await Promise.all([1, 2].map(() => post("/admin/products", wish, { "idempotency-key": "once" })));
  expect(a!.body.id).toBe(b!.body.id);
  expect(a!.headers.get("location")).toBe(b!.headers.get("location"));
});

test("points are granted once per key, and their owner sees the balance and what made it", async () => {
  const grant = (json: unknown, headers?: Record<string, string>) => post("/admin/points/grants", json, headers);
  const wish = { userId: "ann", amount: 500, reason: "Welcome" };
  const first = await grant(wish, { "idempotency-key": "welcome-ann" });
  expect(first).toMatchObject({ status: 201, body: { ...wish, balance: 500 } });
  expect(await grant(wish, { "idempotency-key": "welcome-ann" })).toMatchObject({ status: 201, body: first.body });
  for (let i = 0; i < 4; i++) await grant({ ...wish, amount: 10 });
  const token = system.token("ann");
  const mine = (query = "") => call(`${system.url}/me/points${query}`, { token });
  const page = (await mine("?limit=3")).body;
  expect(page).toMatchObject({ balance: 540, items: [{ delta: 10 }, { delta: 10 }, { delta: 10 }] });
  const rest = (await mine(`?limit=3&cursor=${page.nextCursor}`)).body;
  expect(rest.items.map(({ delta }: { delta: number }) => delta)).toEqual([10, 500]);
  expect(rest.items[1]).toMatchObject({ reason: "Welcome", orderId: null });
  expect((await call(`${system.url}/me/points`, { token: system.token("bob") })).body).toEqual({
    balance: 0,
    items: [],
    nextCursor: null,
  });
  for (const query of ["?limit=0", "?limit=1.5", "?cursor=tampered"]) expect(code(await mine(query))).toEqual(invalid);
  for (const wrong of [
    { amount: 0 },
    { amount: -5 },
    { amount: 1.5 },
    { amount: MAX_MONEY + 1 },
    { userId: "ann bob" },
    { userId: "x".repeat(129) },
    { userId: "" },
    { reason: "" },
    { reason: undefined },
  ]) {
    expect(code(await grant({ ...wish, ...wrong }))).toEqual(invalid);
  }
  expect(code(await grant({ ...wish, amount: MAX_MONEY }))).toEqual({ status: 422, code: "AMOUNT_OUT_OF_RANGE" });
  expect((await mine()).body.balance).toBe(540);
});

test("a cart holds lines at today's prices, and goes line by line or as a whole", async () => {
  const [mug, cup] = [await createProduct({ price: 250, stock: 5 }), await createProduct({ price: 1, stock: 1 })];
  const token = system.token("ann");
  const url = `${system.url}/cart/items`;
  const put = (productId: unknown, quantity: unknown) =>
    call(url, { method: "PUT", token, json: { productId, quantity } });
  const empty = { items: [], totalAmount: 0, currency: null };
  expect((await call(url, { token })).body).toEqual(empty);
  await put(mug.id, 2);
  await put(cup.id, 3);
  const cart = await put(mug.id, 3);
  expect(cart).toMatchObject({
    status: 200,
    body: {
      items: [
        { productId: mug.id, name: "Mug", quantity: 3, unitPrice: 250, currency: "EUR", inStock: true },
        { productId: cup.id, quantity: 3, inStock: false },
      ],
      totalAmount: 753,
      currency: "EUR",
    },
  });
  expect((await call(url, { token })).body).toEqual(cart.body);
  expect((await call(url, { token: system.token("bob") })).body).toEqual(empty);

  expect((await call(`${url}/${cup.id}`, { method: "DELETE", token })).body.items).toHaveLength(1);
  expect((await call(`${url}/nobodys`, { method: "DELETE", token })).body.items).toHaveLength(1);
  await put(cup.id, 1);
  // A body that names a line takes that one only.
  expect((await call(url, { method: "DELETE", token, json: { productId: cup.id } })).body.items).toHaveLength(1);
  expect(code(await call(url, { method: "DELETE", token, json: { product: cup.id } }))).toEqual(invalid);
  expect(await call(url, { method: "DELETE", token })).toMatchObject({ status: 200, body: empty });

  for (const quantity of [0, -1, 1.5, 10_001, 1e9, "2", null, undefined]) {
    expect(code(await put(mug.id, quantity))).toEqual(invalid);
  }
  for (const id of ["", "a b", "x".repeat(65), 7, null, undefined, "a\u0000"]) {
    expect(code(await put(id, 1))).toEqual(invalid);
  }
  expect(code(await put("nobodys", 1))).toEqual(notFound);
  expect((await call(url, { token })).body).toEqual(empty);
});

test("a cart has a hundred lines at most", async () => {
  await system.sql`INSERT INTO products (id, stock, price) SELECT 'line-' || n, 1, 1 FROM generate_series(1, 101) n`;
  const token = system.token("collector");
  const put = (n: number) =>
    call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId: `line-${n}`, quantity: 1 } });
  for (let n = 1; n <= 100; n++) expect((await put(n)).status).toBe(200);
  expect(code(await put(101))).toEqual({ status: 422, code: "CART_FULL" });
  expect((await put(100)).status).toBe(200);
  expect((await call(`${system.url}/cart/items`, { token })).body).toMatchObject({ totalAmount: 100 });
});

test("a ranking is empty while nothing is sold, and follows what is", async () => {
  const ranking = (query: string) => call(`${system.url}/products/ranking${query}`);
  for (const period of ["daily", "weekly", "all"]) {
    const { status, body } = await ranking(`?period=${period}`);
    expect({ status, body }).toMatchObject({ status: 200, body: { period, items: [] } });
  }
  expect((await ranking("")).body.period).toBe("daily");
  const [mug, cup] = [await createProduct(), await createProduct({ name: "Cup" })];
  await system.sql`
    INSERT INTO product_sales (day, product_id, quantity)
    VALUES ((now() AT TIME ZONE 'utc')::date, ${mug.id}, 3), ((now() AT TIME ZONE 'utc')::date, ${cup.id}, 5),
           ((now() AT TIME ZONE 'utc')::date - 3, ${mug.id}, 10), ((now() AT TIME ZONE 'utc')::date - 30, ${cup.id}, 90)`;
  const sold = async (period: string) =>
    (await ranking(`?period=${period}`)).body.items.map((item: { name: string; sold: number; rank: number }) => {
      return `${item.rank} ${item.name} ${item.sold}`;
    });
  await until("the day is counted", async () => (await sold("daily")).length === 2);
  expect(await sold("daily")).toEqual(["1 Cup 5", "2 Mug 3"]);
  await until("the week is counted", async () => (await sold("weekly"))[0] === "1 Mug 13");
  await until("all is counted", async () => (await sold("all"))[0] === "1 Cup 95");
  expect((await ranking("?period=all&limit=1")).body.items).toMatchObject([
    { rank: 1, productId: cup.id, name: "Cup", price: 1250, currency: "EUR", sold: 95 },
  ]);
  const list = (listed: boolean) =>
    call(`${system.url}/admin/products/${cup.id}`, { method: "PATCH", token: system.operator, json: { listed } });
  await list(false);
  expect(await sold("all")).toEqual(["1 Mug 13"]);
  await list(true);
  // Redis is a cache of it.
  await system.redis.flushall();
  expect(await sold("all")).toEqual(["1 Cup 95", "2 Mug 13"]);
  for (const query of ["?period=hourly", "?period=", "?limit=0", "?limit=101", "?limit=x"]) {
    expect(code(await ranking(query))).toEqual(invalid);
  }
});

test("an operator's commands do the same", async () => {
  const port = String(system.gateways[0]!.port);
  const gateway = { GATEWAY_PORT: port, ADMIN_PORT: port, NO_COLOR: "1" };
  const dev = async (...args: string[]) => {
    const child = Bun.spawn([process.execPath, "cli/main.ts", ...args], {
      env: { ...process.env, ...gateway },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, out, errors };
  };
  const made = await dev(
    "product",
    "create",
    "--name",
    "Hand-made",
    "--price",
    "900",
    "--stock",
    "3",
    "--flash",
    "--json",
  );
  const product = JSON.parse(made.out);
  expect(product).toMatchObject({ name: "Hand-made", price: 900, stock: 3, flash: true, currency: "EUR" });
  for (let i = 0; i < 2; i++) await dev("product", "restock", product.id, "4", "--key", "hand-made");
  expect((await call(`${system.url}/products/${product.id}`)).body.stock).toBe(7);
  expect((await dev("product", "list", "--limit", "1")).out).toContain(
    `${product.id}  Hand-made  7      900 EUR  flash`,
  );
  const granted = await dev("points", "grant", "hand", "25", "--reason", "Thanks");
  expect(granted.out.trim()).toBe("hand has 25 points");
  const refused = await dev("product", "restock", "nobodys", "4");
  expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining("404 PRODUCT_NOT_FOUND") });
  expect((await dev("points", "grant", "a b", "25", "--reason", "x")).code).toBe(2);
}, 180_000);

test("who may not is refused, on every call", async () => {
  const user = system.token("ann");
  for (const [method, path] of [
    ["POST", "/admin/products"],
    ["POST", "/admin/products/x/restock"],
    ["POST", "/admin/points/grants"],
  ] as const) {
    expect(code(await call(system.url + path, { method, json: {} }))).toEqual({ status: 401, code: "UNAUTHENTICATED" });
    expect(code(await call(system.url + path, { method, json: {}, token: user }))).toEqual({
      status: 403,
      code: "FORBIDDEN",
    });
  }
  for (const [method, path] of [
    ["GET", "/cart/items"],
    ["PUT", "/cart/items"],
    ["DELETE", "/cart/items"],
    ["DELETE", "/cart/items/x"],
    ["GET", "/me/points"],
  ] as const) {
    expect(code(await call(system.url + path, { method }))).toEqual({ status: 401, code: "UNAUTHENTICATED" });
  }
});

test("while PostgreSQL is away, every call says so; what Redis still knows of a ranking is shown", async () => {
  const { id } = await createProduct();
  const token = system.token("ann");
  expect((await call(`${system.url}/products/ranking?period=all`)).body.items.length).toBeGreaterThan(0);
  await system.stack.down(["postgres"]);
  try {
    const away = { status: 503, code: "DATABASE_UNAVAILABLE" };
    for (const [method, path, json] of [
      ["GET", "/products", undefined],
      ["GET", `/products/${id}`, undefined],
      ["GET", "/cart/items", undefined],
      ["PUT", "/cart/items", { productId: id, quantity: 1 }],
      ["DELETE", "/cart/items", undefined],
      ["GET", "/me/points", undefined],
    ] as const) {
      const answer = await call(system.url + path, { method, token, json });
      expect({ path, ...code(answer) }).toEqual({ path, ...away });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
    expect(code(await post("/admin/products", { name: "x", stock: 1, price: 1 }))).toEqual(away);
    expect(code(await post(`/admin/products/${id}/restock`, { quantity: 1 }))).toEqual(away);
    expect(code(await post("/admin/points/grants", { userId: "ann", amount: 1, reason: "x" }))).toEqual(away);
    await Bun.sleep(5_500); // longer than a gateway remembers prices
    expect((await call(`${system.url}/products/ranking?period=all`)).status).toBe(200);
  } finally {
    await system.stack.up(["postgres"]);
  }
}, 180_000);

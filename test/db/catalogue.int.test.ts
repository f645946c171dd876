import { afterAll, beforeAll, expect, test } from "bun:test";
import { newProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { MAX_LINES } from "../../contracts/orders/parts.ts";
import { MAX_STOCK } from "../../contracts/shop/http-catalogue.ts";
import { MAX_MONEY } from "../../contracts/wire/money.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { once } from "../../db/once.ts";
import { deleteCartLines, findCart, setCartLine } from "../../db/shop/carts.ts";
import { grantPoints, listMyPoints } from "../../db/shop/points.ts";
import {
  createProduct,
  editProduct,
  findOffers,
  findProduct,
  listProducts,
  restockProduct,
} from "../../db/shop/products.ts";
import { bestSellers, countSales } from "../../db/shop/sold.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 6, name: "test" });
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => error.code,
  );
const create = (stock = 10, price = 100) =>
  db.sql.begin((tx) => createProduct(tx, newProductId(), { name: "Mug", stock, price: price as never }, "olga"));
const restock = (id: ProductId, quantity: number) =>
  db.sql.begin((tx) => restockProduct(tx, id, quantity, "olga")) as Promise<{ stock: number }>;

test("a product is found as it was answered, with its movement and its audit line", async () => {
  const product = await create(7, MAX_MONEY);
  expect(await findProduct(db.sql, product.id)).toEqual(product);
  expect(product).toMatchObject({ name: "Mug", stock: 7, price: MAX_MONEY, currency: "EUR", flash: false } as never);
  expect(await findProduct(db.sql, "nobodys")).toBeNull();
  expect(await findOffers(db.sql, [product.id, "nobodys" as ProductId])).toEqual([
    {
      productId: product.id,
      name: "Mug",
      price: MAX_MONEY as never,
      currency: "EUR" as never,
      flash: false,
      listed: true,
    },
  ]);
  const [line] = await db.sql`SELECT actor, action FROM audit_log WHERE target = ${product.id}`;
  expect({ ...line }).toEqual({ actor: "olga", action: "product.created" });
});

test("restocking adds to the stock and to the movements, up to what may ever come in", async () => {
  const { id } = await create(10);
  expect(await restock(id, 5)).toMatchObject({ id, stock: 15 });
  await db.sql`UPDATE products SET stock = 0, reserved = 15 WHERE id = ${id}`;
  // What is reserved may come back, so it counts.
  expect(await codeOf(restock(id, MAX_STOCK - 14))).toBe("AMOUNT_OUT_OF_RANGE");
  expect(await codeOf(restock(id, MAX_STOCK))).toBe("AMOUNT_OUT_OF_RANGE");
  expect((await restock(id, MAX_STOCK - 15)).stock).toBe(MAX_STOCK - 15);
  expect(await codeOf(restock("nobodys" as ProductId, 1))).toBe("PRODUCT_NOT_FOUND");
  const [books] = await db.sql`
    SELECT p.stock + p.reserved AS now, sum(m.quantity)::int AS came FROM products p
    JOIN stock_movements m ON m.product_id = p.id WHERE p.id = ${id} GROUP BY p.id`;
  expect(books!.now).toBe(books!.came);
});

test("stock goes away down to what orders hold, with its movement; the refusal names the smallest quantity", async () => {
  const { id } = await create(10);
  expect((await restock(id, -3)).stock).toBe(7);
  await db.sql`UPDATE products SET stock = 2, reserved = 5 WHERE id = ${id}`;
  const refused = await restock(id, -3).catch((error) => error);
  expect(refused).toMatchObject({ code: "CONFLICT", extra: { smallestQuantity: -2 } });
  expect((await restock(id, -2)).stock).toBe(0);
  expect(await restock(id, -1).catch((error) => error)).toMatchObject({ extra: { smallestQuantity: 0 } });
  expect(await codeOf(restock("nobodys" as ProductId, -1))).toBe("PRODUCT_NOT_FOUND");
  const movements =
    await db.sql`SELECT kind, quantity, actor FROM stock_movements WHERE product_id = ${id} ORDER BY id`;
  expect(movements.map((row) => ({ ...row }))).toEqual([
    { kind: "INITIAL", quantity: 10, actor: null },
    { kind: "REDUCTION", quantity: -3, actor: "olga" },
    { kind: "REDUCTION", quantity: -2, actor: "olga" },
  ]);
  for (const [kind, quantity] of [
    ["RESTOCK", -1],
    ["REDUCTION", 1],
    ["REDUCTION", 0],
    ["LOST", -1],
  ] as const) {
    const forged = db.sql`INSERT INTO stock_movements (product_id, kind, quantity) VALUES (${id}, ${kind}, ${quantity})`;
    expect(await codeOf(forged)).toBe("23514");
  }
});

test("many reductions at once never take more than there is, and the movements say what was taken", async () => {
  const { id } = await create(50);
  const codes = await Promise.all(
    Array.from({ length: 30 }, (_, i) => codeOf(restock(id, i % 3 === 0 ? 2 : -((i % 5) + 2)))),
  );
  expect(new Set(codes)).toEqual(new Set([null, "CONFLICT"]));
  const [books] = await db.sql`
    SELECT p.stock, sum(m.quantity)::int AS came FROM products p
    JOIN stock_movements m ON m.product_id = p.id WHERE p.id = ${id} GROUP BY p.id`;
  expect(books!.stock).toBe(books!.came);
  expect(books!.stock).toBeGreaterThanOrEqual(0);
});

test("an edit of a product changes what it names, and its line has both values", async () => {
  const product = await create(3, 100);
  const edit = (change: Parameters<typeof editProduct>[2], id: ProductId = product.id) =>
    editProduct(db.sql, id, change, "otto");
  expect(await edit({ price: 250 as never, listed: false })).toEqual({
    ...product,
    price: 250,
    listed: false,
  } as never);
  expect(await findProduct(db.sql, product.id)).toMatchObject({ name: "Mug", price: 250, listed: false } as never);
  await edit({ price: 250 as never });
  expect(await codeOf(edit({ name: "x" }, "nobodys" as ProductId))).toBe("PRODUCT_NOT_FOUND");
  const lines = await db.sql`
    SELECT actor, detail FROM audit_log WHERE target = ${product.id} AND action = 'product.edited'`;
  expect(lines.map((row) => ({ ...row }))).toEqual([
    { actor: "otto", detail: { before: { price: 100, listed: true }, after: { price: 250, listed: false } } },
  ]);
  const listed = (only: boolean) => listProducts(db.orm, null, 200, only);
  expect((await listed(true)).items.map(({ id }) => id)).not.toContain(product.id);
  expect((await listed(false)).items.map(({ id }) => id)).toContain(product.id);
});

test("products are listed newest first, page by page, none twice, also those of one moment", async () => {
  await db.sql`INSERT INTO products (id, stock, price) SELECT 'moment-' || n, 1, 1 FROM generate_series(1, 7) n`;
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await listProducts(db.orm, cursor, 3);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  const all = await db.sql`SELECT id FROM products ORDER BY created_at DESC, id DESC`;
  expect(seen).toEqual(all.map(({ id }) => id));
  expect(await codeOf(listProducts(db.orm, "nonsense", 3))).toBe("VALIDATION_FAILED");
});

test("points: the balance is the sum of the ledger under concurrent grants, and never beyond an amount", async () => {
  const grant = (amount: number, userId = "ann") =>
    db.sql.begin((tx) => grantPoints(tx, { userId: userId as never, amount, reason: "gift" }, "olga"));
  await Promise.all(Array.from({ length: 20 }, () => grant(5)));
  const points = await listMyPoints(db.orm, "ann", null, 8);
  expect(points.balance as number).toBe(100);
  const rest = await listMyPoints(db.orm, "ann", points.nextCursor, 50);
  const entries = [...points.items, ...rest.items];
  expect(entries).toHaveLength(20);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(20);
  expect(entries[0]).toMatchObject({ delta: 5, reason: "gift", orderId: null });
  expect(rest.nextCursor).toBeNull();
  expect(await codeOf(grant(MAX_MONEY))).toBe("AMOUNT_OUT_OF_RANGE");
  expect(await codeOf(grant(MAX_MONEY - 100))).toBeNull();
  expect(await codeOf(grant(MAX_MONEY, "bob"))).toBeNull();
  const [books] = await db.sql`
    SELECT b.balance, sum(l.delta) AS sum FROM point_balances b JOIN point_ledger l USING (user_id)
    WHERE user_id = 'ann' GROUP BY 1`;
  expect(books!.balance).toBe(books!.sum);
  expect(await listMyPoints(db.orm, "nobody", null, 5)).toEqual({ balance: 0, items: [], nextCursor: null } as never);
});

test("an operator's request under a key is done once: in a row, at once, and after a failure", async () => {
  let done = 0;
  const ask = (key: string | null, request: unknown, fail = false) =>
    once(db.sql, { actor: "olga", idempotencyKey: key, request }, async (tx) => {
      const mine = ++done;
      await tx`SELECT pg_sleep(0.05)`;
      if (fail) throw new Error("broken");
      return { mine };
    });
  expect(await Promise.all([ask("k1", { a: 1, b: 2 }), ask("k1", { b: 2, a: 1 }), ask("k1", { a: 1, b: 2 })])).toEqual([
    { mine: 1 },
    { mine: 1 },
    { mine: 1 },
  ]);
  expect(await codeOf(ask("k1", { a: 2 }))).toBe("IDEMPOTENCY_KEY_REUSED");
  await expect(ask("k2", {}, true)).rejects.toThrow("broken");
  expect(await ask("k2", {})).toEqual({ mine: 3 });
  await ask(null, {});
  await ask(null, {});
  expect(done).toBe(5);
  // The key is the operator's own.
  const other = { actor: "otto", idempotencyKey: "k1", request: "something else" };
  expect(await once(db.sql, other, async () => ({ mine: 0 }))).toEqual({ mine: 0 });
});

test("a cart's lines are set, not added up, keep their order, and go one by one or all at once", async () => {
  const [mug, cup] = [await create(5, 250), await create(1, 100)];
  const set = (productId: ProductId, quantity: number) => setCartLine(db.sql, "ann", { productId, quantity });
  await set(mug.id, 2);
  await set(cup.id, 3);
  await set(mug.id, 4);
  const cart = await findCart(db.sql, "ann");
  expect(cart.map(({ productId, quantity, inStock }) => ({ productId, quantity, inStock }))).toEqual([
    { productId: mug.id, quantity: 4, inStock: true },
    { productId: cup.id, quantity: 3, inStock: false },
  ]);
  expect(cart[0]!.unitPrice as number).toBe(250);
  expect(await codeOf(set("nobodys" as ProductId, 1))).toBe("PRODUCT_NOT_FOUND");
  await deleteCartLines(db.sql, "ann", cup.id);
  await deleteCartLines(db.sql, "ann", cup.id);
  expect((await findCart(db.sql, "ann")).map(({ productId }) => productId)).toEqual([mug.id]);
  await setCartLine(db.sql, "bob", { productId: mug.id, quantity: 1 });
  await deleteCartLines(db.sql, "ann", null);
  expect(await findCart(db.sql, "ann")).toEqual([]);
  expect(await findCart(db.sql, "bob")).toHaveLength(1);
});

test("taking lines out waits for the transaction that holds the cart", async () => {
  const cup = await create();
  await setCartLine(db.sql, "held", { productId: cup.id, quantity: 1 });
  let removed = false;
  let removing: Promise<void> | undefined;
  await db.sql.begin(async (tx) => {
    await tx`SELECT 1 FROM carts WHERE user_id = 'held' FOR UPDATE`;
    removing = deleteCartLines(db.sql, "held", null).then(() => {
      removed = true;
    });
    await until("it waits for the cart", async () => {
      const [row] = await db.sql`
        SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE carts%'`;
      return row!.n > 0;
    });
    expect(removed).toBe(false);
    expect(await findCart(tx, "held")).toHaveLength(1);
  });
  await removing;
  expect(await findCart(db.sql, "held")).toEqual([]);
});

test("a cart takes a hundred lines, however many come at once; in a full one a line may still change", async () => {
  await db.sql`INSERT INTO products (id, stock, price) SELECT 'line-' || n, 1, 1 FROM generate_series(1, 104) n`;
  const set = (n: number, quantity = 1) =>
    setCartLine(db.sql, "full", { productId: `line-${n}` as ProductId, quantity });
  const codes = await Promise.all(Array.from({ length: 104 }, (_, i) => codeOf(set(i + 1))));
  expect(codes.filter((code) => code === null)).toHaveLength(MAX_LINES);
  expect(codes.filter((code) => code === "CART_FULL")).toHaveLength(4);
  const inside = codes.indexOf(null) + 1;
  const outside = codes.indexOf("CART_FULL") + 1;
  // A cancelled order puts back more than fits.
  await db.sql`INSERT INTO cart_items (user_id, product_id, quantity) VALUES ('full', ${`line-${outside}`}, 1)`;
  expect(await codeOf(set(inside, 9))).toBeNull();
  expect(await codeOf(set(codes.lastIndexOf("CART_FULL") + 1))).toBe("CART_FULL");
});

test("what sold best: days add up, a batch may name a product twice, and batches at once do not deadlock", async () => {
  const sold = (day: string, ...pairs: readonly (readonly [string, number])[]) =>
    db.sql.begin((tx) =>
      countSales(
        tx,
        day,
        pairs.map(([productId, quantity]) => ({ productId: productId as ProductId, quantity })),
      ),
    );
  expect(await bestSellers(db.sql, null, 10)).toEqual([]);
  await sold("2027-01-30", ["a", 5], ["b", 1]);
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? sold("2027-01-31", ["a", 1], ["b", 2], ["a", 1]) : sold("2027-01-31", ["b", 2], ["a", 2]),
    ),
  );
  await sold("2027-01-31", ["c", 80]);
  const found = async (since: string | null, limit = 10) =>
    (await bestSellers(db.sql, since, limit)).map(({ productId, sold }) => `${productId} ${sold}`);
  expect(await found("2027-01-31")).toEqual(["c 80", "b 80", "a 80"]);
  expect(await found(null)).toEqual(["a 85", "b 81", "c 80"]);
  expect(await found(null, 2)).toEqual(["a 85", "b 81"]);
  expect(await found("2027-02-01")).toEqual([]);
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Role } from "../../consumers/engine/role.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { MAX_MONEY, type Money } from "../../contracts/wire/money.ts";
import { grantPoints } from "../../db/shop/points.ts";
import { bookOrderPoints, lockBalances } from "../../db/steps/points.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, newPurse, said, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

let world: ConsumerWorld;
let role: Role;
beforeAll(async () => {
  world = await createWorld();
  role = bench.stepRoles(world).POINT;
}, WORLD_MS);
afterAll(async () => {
  expect(await bench.unbalancedPurses(world)).toEqual([] as never);
  await world.close();
});

const ledger = (userId: string) =>
  world.db.sql`SELECT order_id, delta::int, reason FROM point_ledger WHERE user_id = ${userId} ORDER BY id`;
const balance = async (userId: string) =>
  Number((await world.db.sql`SELECT balance FROM point_balances WHERE user_id = ${userId}`)[0]!.balance);

test("orders of one batch share a balance: what is left decides, and the ledger says who took what", async () => {
  await newPurse(world, "ben", 100);
  const orders = [60, 60, 40].map((points) => anOrder({ userId: "ben", points }));
  const answers = await bench.handled(world, role, ...orders.map((order) => asked("POINT", order)));
  expect(answers.map(said)).toEqual([
    "PointDeductionCompleted",
    "PointDeductionFailed INSUFFICIENT_POINTS",
    "PointDeductionCompleted",
  ]);
  expect(await balance("ben")).toBe(0);
  await bench.handled(world, role, takenBack("POINT", orders[0]!));
  expect(await balance("ben")).toBe(60);
  expect(await ledger("ben")).toEqual([
    { order_id: null, delta: 100, reason: "gift" },
    { order_id: orders[0]!.orderId, delta: -60, reason: "ORDER" },
    { order_id: orders[2]!.orderId, delta: -40, reason: "ORDER" },
    { order_id: orders[0]!.orderId, delta: 60, reason: "ORDER_RESTORED" },
  ] as never);
});

test("who never had points has none; amounts beyond 2^31 are amounts too", async () => {
  const poor = anOrder({ userId: "cleo", points: 1 });
  expect((await bench.handled(world, role, asked("POINT", poor))).map(said)).toEqual([
    "PointDeductionFailed INSUFFICIENT_POINTS",
  ]);
  await newPurse(world, "dora", 9_000_000_000_000_000);
  const rich = anOrder({ userId: "dora", points: 8_999_999_999_999_999 });
  expect((await bench.handled(world, role, asked("POINT", rich))).map(said)).toEqual(["PointDeductionCompleted"]);
  expect(await balance("dora")).toBe(1);
});

test("a grant in the middle of it all is not lost", async () => {
  await newPurse(world, "eve", 1_000);
  const orders = Array.from({ length: 50 }, () => anOrder({ userId: "eve", points: 10 }));
  const grants = Array.from({ length: 20 }, () =>
    world.db.sql.begin(async (tx) => {
      await tx`UPDATE point_balances SET balance = balance + 5 WHERE user_id = 'eve'`;
      await tx`INSERT INTO point_ledger (user_id, delta, reason, actor) VALUES ('eve', 5, 'grant', 'test')`;
    }),
  );
  const batches = [0, 10, 20, 30, 40].map((i) =>
    bench.handled(world, role, ...orders.slice(i, i + 10).map((order) => asked("POINT", order))),
  );
  await Promise.all([...grants, ...batches]);
  expect(await balance("eve")).toBe(1_000 + 20 * 5 - 50 * 10);
});

test("a grant never makes an open order's restore impossible: what it may give back counts", async () => {
  await newPurse(world, "fay", 1_000);
  const order = anOrder({ userId: "fay", points: 400 });
  await bench.handled(world, role, asked("POINT", order));
  const grant = (amount: number) =>
    world.db.sql.begin((tx) =>
      grantPoints(tx, { userId: "fay" as UserId, amount: amount as Money, reason: "gift" }, "olga"),
    );
  await expect(grant(MAX_MONEY - 999)).rejects.toMatchObject({ code: "AMOUNT_OUT_OF_RANGE", retryable: false });
  expect(await balance("fay")).toBe(600);
  expect(await grant(MAX_MONEY - 1_000)).toMatchObject({ balance: MAX_MONEY - 400 });
  await bench.handled(world, role, takenBack("POINT", order));
  expect(await balance("fay")).toBe(MAX_MONEY);
  await expect(grant(1)).rejects.toMatchObject({ code: "AMOUNT_OUT_OF_RANGE" });
});

test("a grant that waited for an order's deduction sees it", async () => {
  await newPurse(world, "gus", 1_000);
  const order = anOrder({ userId: "gus", points: 400 });
  let granting: Promise<unknown> | undefined;
  await world.db.sql.begin(async (tx) => {
    await lockBalances(tx, ["gus" as UserId]);
    granting = world.db.sql
      .begin((other) =>
        grantPoints(other, { userId: "gus" as UserId, amount: (MAX_MONEY - 999) as Money, reason: "" }, "olga"),
      )
      .then(
        () => "granted",
        ({ code }) => code,
      );
    await until("the grant waits", async () => {
      const [row] = await world.db.sql`
        SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return row!.waiting === 1;
    });
    await bookOrderPoints(tx, [{ orderId: order.orderId, userId: order.userId, delta: -400 }]);
  });
  expect(await granting).toBe("AMOUNT_OUT_OF_RANGE");
});

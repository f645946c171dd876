import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import type { RoleName } from "../../consumers/role-names.ts";
import { startRole } from "../../consumers/roles.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import { anOrder, asked, newProduct, newPurse, outcomeOf, type StepName, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

// The roles as a process runs them, on the topics of the contracts.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const STEP_NAMES: readonly StepName[] = ["STOCK", "COUPON", "POINT", "SHIPPING"];

test("commands and restores go in over the contracts' topics, results come out under the order's key", async () => {
  const couponId = await world.newSale(1);
  await world.load(couponId);
  await world.settle(await world.claim(couponId, "fay"));
  const product = `book-${crypto.randomUUID()}`;
  await newProduct(world, product, 1);
  await newPurse(world, "fay", 10);
  const order = anOrder({ userId: "fay", items: [[product, 1]], couponId, points: 10 });
  const names: RoleName[] = ["stock", "coupon-usage", "points", "shipping", "delayed-commands"];
  const running = names.map((name) => startRole(name, world.neighbours));
  const outcomes = () => Promise.all(STEP_NAMES.map((step) => outcomeOf(world, order.orderId, step)));
  const results = () =>
    world.sent.filter(({ topic, key }) => topic === "order-processing-results" && key === order.orderId).length;
  await world.rawProducer.sendAll(STEP_NAMES.map((step) => asked(step, order)));
  await until("all steps are done", async () => (await outcomes()).every((outcome) => outcome === "COMPLETED"));
  await world.rawProducer.sendAll(STEP_NAMES.map((step) => takenBack(step, order)));
  await until("all is restored", async () => (await outcomes()).every((outcome) => outcome === "COMPLETED restored"));
  await until("eight results are out", () => results() === 8);
  await Promise.all(running.map((role) => role.stop(2_000)));
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readConfig } from "../../consumers/config.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, said, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { SHIPPING_COUNTRIES: "DE,IS", SHIPPING_SIMULATE_REFUSAL: "true" } });
}, WORLD_MS);
afterAll(() => world.close());

test("a shipment is prepared to the address to the letter, where it is served, and cancelled once", async () => {
  const role = bench.stepRoles(world).SHIPPING;
  const orders = ["DE", "FR", "IS"].map((country) => anOrder({ country }));
  const answers = await bench.handled(world, role, ...orders.map((order) => asked("SHIPPING", order)));
  expect(answers.map(said)).toEqual(["ShippingPrepared", "ShippingFailed SHIPPING_NOT_SERVED", "ShippingPrepared"]);
  await bench.handled(world, role, takenBack("SHIPPING", orders[2]!), takenBack("SHIPPING", orders[1]!));
  const rows = await world.db.sql`SELECT order_id, status, country, address FROM shipments ORDER BY id`;
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { order_id: orders[0]!.orderId, status: "PREPARED", country: "DE", address: orders[0]!.shipping },
    { order_id: orders[2]!.orderId, status: "CANCELLED", country: "IS", address: orders[2]!.shipping },
  ]);
});

test("the postal code REFUSE is refused where the carrier is simulated, and is an address like any other elsewhere", async () => {
  const order = () => anOrder({ postalCode: "REFUSE" });
  const simulated = await bench.handled(world, bench.stepRoles(world).SHIPPING, asked("SHIPPING", order()));
  expect(simulated.map(said)).toEqual(["ShippingFailed SHIPPING_NOT_SERVED"]);
  const real = { ...world, config: readConfig({}) };
  const served = await bench.handled(world, bench.stepRoles(real).SHIPPING, asked("SHIPPING", order()));
  expect(served.map(said)).toEqual(["ShippingPrepared"]);
});

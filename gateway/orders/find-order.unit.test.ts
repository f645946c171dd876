import { expect, test } from "bun:test";
import { orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { createFindOrder } from "./find-order.ts";

const orderId = orderIdOf("ann" as UserId, "k", "{}");
const state = { status: "PROCESSING", steps: {}, order: { orderId, userId: "ann" } };
const created = { occurredAt: "2027-01-01T00:00:00.000Z", data: { orderId, userId: "ann", idempotencyKey: "k" } };

/** `stored`: what PostgreSQL says at each look. */
function looks(stored: readonly (object | Error | null)[], pending: object | null) {
  const asked: string[] = [];
  let look = 0;
  const find = createFindOrder({
    async stored() {
      asked.push("stored");
      const said = stored[look++] ?? null;
      if (said instanceof Error) throw said;
      return said as never;
    },
    async pending() {
      asked.push("pending");
      return pending as never;
    },
    open: async (userId) => (userId === "ann" && pending !== null ? [{ orderId }] : []),
    async numbered(number) {
      asked.push(`numbered ${number}`);
      return stored.some((said) => said !== null && !(said instanceof Error)) ? [orderId] : [];
    },
    async pendingOfAnybody() {
      asked.push("pending of anybody");
      return pending as never;
    },
  });
  const as = (userId: string, role?: "viewer", reference: string = orderId) =>
    find(reference, { userId, isCustomer: true, roles: role === undefined ? [] : [role] } as never);
  return { asked, as };
}

test("PostgreSQL's order is shown to its owner and to operators only", async () => {
  expect((await looks([state], null).as("ann"))?.status).toBe("PROCESSING");
  expect((await looks([state], null).as("op", "viewer"))?.status).toBe("PROCESSING");
  const stranger = looks([state], null);
  expect(await stranger.as("bob")).toBeNull();
  expect(stranger.asked).toEqual(["stored"]);
});

test("what it lacks is looked for in the ledger, without the key under which it was asked for", async () => {
  const found = (await looks([null], created).as("ann"))!;
  expect(found.status).toBe("PENDING");
  expect(found.order).toMatchObject({ orderId, createdAt: Date.parse(created.occurredAt) });
  expect(found.order).not.toHaveProperty("idempotencyKey");
});

test("operators find any user's order in the ledger", async () => {
  const looking = looks([null], created);
  expect((await looking.as("op", "viewer"))?.status).toBe("PENDING");
  expect(looking.asked).toEqual(["stored", "pending of anybody"]);
});

test("an order that goes from the ledger to PostgreSQL between the two looks is found by a third", async () => {
  const moving = looks([null, state], null);
  expect((await moving.as("ann"))?.status).toBe("PROCESSING");
  expect(moving.asked).toEqual(["stored", "pending", "stored"]);
  expect(await looks([null, null], null).as("ann")).toBeNull();
});

test("without PostgreSQL the ledger's orders are shown all the same, and of others it is said why not", async () => {
  const away = new Error("away");
  expect((await looks([away], created).as("ann"))?.status).toBe("PENDING");
  await expect(looks([away], null).as("ann")).rejects.toBe(away);
});

test("by its number an order is found in PostgreSQL and in the ledger, by its owner and by operators", async () => {
  const number = orderNumberOf(orderId);
  expect((await looks([state], null).as("ann", undefined, number))?.status).toBe("PROCESSING");
  expect((await looks([state], null).as("op", "viewer", number))?.status).toBe("PROCESSING");
  expect(await looks([state], null).as("bob", undefined, number)).toBeNull();
  expect((await looks([null], created).as("ann", undefined, number.toLowerCase()))?.status).toBe("PENDING");
  const strange = looks([state], null);
  expect(await strange.as("ann", undefined, "7QJ4X-0M2KD")).toBeNull();
  expect(strange.asked).toEqual([]);
});

import { afterAll, expect, test } from "bun:test";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { retryAfterMs } from "./back-off.ts";
import { createHttpProvider } from "./http-provider.ts";

const orderId = "4b0c2d5e-8a6f-5f0e-9d57-1c1a0a8f2b3c" as OrderId;
let answer: () => Response = () => new Response();
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => answer() });
afterAll(() => server.stop(true));
const provider = createHttpProvider({ url: `http://127.0.0.1:${server.port}/`, apiKey: "", timeoutMs: 200 });
const terms = { orderId, amount: 100 as Money, currency: "EUR" as Currency, token: "tok" };

/** What an answer to a charge, or to `find`, is taken for. */
async function taken(call: "charge" | "find" | "void" | "refund", status: number, body: unknown, headers = {}) {
  answer = () =>
    typeof body === "string" ? new Response(body, { status, headers }) : Response.json(body, { status, headers });
  const calls = {
    charge: () => provider.charge(terms),
    find: () => provider.find(orderId),
    void: () => provider.void(orderId),
    refund: () => provider.refund(orderId, terms.amount, "refund:key"),
  };
  const said = await calls[call]();
  if (said.kind !== "unknown") return said.kind;
  return ["unknown", said.alarm ? "alarm" : "", said.alive ? "alive" : "", said.waitMs ? `wait ${said.waitMs}` : ""]
    .filter((word) => word !== "")
    .join(" ");
}

const payment = (change: object) => ({
  key: orderId,
  reference: "pay_1",
  status: "CAPTURED",
  capturedAmount: 100,
  refundedAmount: 0,
  currency: "EUR",
  reason: null,
  ...change,
});
const PAGE = "<html>Bad Request</html>";

test.each([
  [200, payment({}), "captured"],
  [200, payment({ status: "REFUNDED", refundedAmount: 100 }), "refunded"],
  [200, payment({ status: "DECLINED", capturedAmount: 0 }), "declined"],
  [200, payment({ status: "PENDING", capturedAmount: 0 }), "unknown alive"],
  // It contradicts itself: believing either half could keep money or lose an order.
  [200, payment({ refundedAmount: 101 }), "unknown alarm alive"],
  [200, payment({ status: "REFUNDED" }), "unknown alarm alive"],
  [200, payment({ status: "DECLINED" }), "unknown alarm alive"],
  [200, payment({ status: "VOIDED", refundedAmount: 40 }), "unknown alarm alive"],
  [200, payment({ key: "another" }), "unknown alarm alive"],
  [200, payment({ capturedAmount: -1 }), "unknown alarm alive"],
  [200, payment({ capturedAmount: 1e300 }), "unknown alarm alive"],
  [200, PAGE, "unknown alarm alive"],
  [200, `"${"x".repeat(70_000)}"`, "unknown alarm alive"],
  [400, { code: "INVALID" }, "refused"],
  [402, { code: "NO_MONEY" }, "refused"],
  [422, { code: "CARD" }, "refused"],
  [402, payment({ status: "DECLINED", capturedAmount: 0 }), "declined"],
  [402, payment({}), "unknown alarm alive"],
  [400, PAGE, "unknown alarm alive"],
  [422, {}, "unknown alarm alive"],
  [401, { code: "UNAUTHORIZED" }, "unknown alarm"],
  [403, { code: "FORBIDDEN" }, "unknown alarm alive"],
  [404, { code: "NOT_FOUND" }, "unknown alarm alive"],
  [409, { code: "CONFLICT" }, "unknown alarm alive"],
  [302, PAGE, "unknown alarm alive"],
  [500, { code: "ERROR" }, "unknown"],
  [503, PAGE, "unknown"],
])("a charge that is answered %d %j is %s", async (status, body, kind) => {
  expect(await taken("charge", status, body)).toBe(kind);
});

test("only the provider's own 404, of find and void, says that there is no payment, and only a charge can be refused", async () => {
  expect(await taken("find", 404, { code: "NOT_FOUND" })).toBe("not-found");
  expect(await taken("void", 404, { code: "NOT_FOUND" })).toBe("not-found");
  expect(await taken("void", 404, PAGE)).toBe("unknown alarm alive");
  expect(await taken("find", 404, PAGE)).toBe("unknown alarm alive");
  expect(await taken("find", 404, { code: "ROUTE_NOT_FOUND" })).toBe("unknown alarm alive");
  expect(await taken("find", 422, { code: "CARD" })).toBe("unknown alarm alive");
  expect(await taken("refund", 422, { code: "TOO_MUCH" })).toBe("unknown alarm alive");
  expect(await taken("refund", 404, { code: "NOT_FOUND" })).toBe("unknown alarm alive");
});

test("an answer that does not come in time is late, which a closed port is not", async () => {
  answer = () => new Promise<Response>(() => {}) as unknown as Response;
  expect(await provider.charge(terms)).toMatchObject({ kind: "unknown", late: true });
  const nobody = createHttpProvider({ url: "http://127.0.0.1:1", apiKey: "", timeoutMs: 200 });
  expect((await nobody.charge(terms)) as object).not.toHaveProperty("late");
});

test("Retry-After is obeyed, in seconds or as a date, for five minutes at the most", async () => {
  expect(await taken("charge", 429, {}, { "retry-after": "7" })).toBe("unknown alarm wait 7000");
  expect(await taken("charge", 503, PAGE, { "retry-after": "86400" })).toBe("unknown wait 300000");
  const now = Date.parse("2027-01-01T00:00:00Z");
  expect(retryAfterMs("Fri, 01 Jan 2027 00:00:30 GMT", now)).toBe(30_000);
  for (const nothing of [null, "", "soon", "-5", "1e9", "Fri, 01 Jan 2027 00:00:00 GMT", "1999"]) {
    expect([nothing, retryAfterMs(nothing, now)]).toEqual([nothing, nothing === "1999" ? 300_000 : 0]);
  }
});

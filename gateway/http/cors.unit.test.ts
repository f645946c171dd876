import { expect, test } from "bun:test";
import type { HttpRequest, HttpResponse } from "../transports/transport.ts";
import { Cors } from "./cors.ts";
import { json, problem } from "./problem.ts";

const SHOP = "https://shop.example";
const cors = new Cors(new Set([SHOP, "http://localhost:3000"]));
const request = (method: string, headers: Record<string, string>) =>
  ({ method, header: (name: string) => headers[name] }) as unknown as HttpRequest;

test("a preflight of an allowed origin is answered with what it may do, and another is refused", () => {
  const ask = (origin: string) =>
    cors.preflight(request("OPTIONS", { origin, "access-control-request-method": "POST" }));
  const allowed = ask(SHOP)!;
  expect(allowed.status).toBe(204);
  expect(allowed.headers).toMatchObject({
    "access-control-allow-origin": SHOP,
    "access-control-max-age": "7200",
    vary: "origin",
  });
  expect(allowed.headers?.["access-control-allow-headers"]).toContain("authorization");
  expect(allowed.headers).not.toHaveProperty("access-control-allow-credentials");
  expect(ask(SHOP)).toBe(allowed); // from memory
  for (const other of ["https://evil.example", "https://shop.example.evil", "null", "https://shop.example:443", ""]) {
    const refused = ask(other)!;
    expect(refused.status).toBe(403);
    expect(refused.headers).not.toHaveProperty("access-control-allow-origin");
  }
});

test("other requests with OPTIONS are no preflights", () => {
  expect(cors.preflight(request("OPTIONS", { origin: SHOP }))).toBeUndefined();
  expect(cors.preflight(request("OPTIONS", { "access-control-request-method": "POST" }))).toBeUndefined();
  expect(cors.preflight(request("GET", { origin: SHOP, "access-control-request-method": "POST" }))).toBeUndefined();
});

test("an allowed origin may read every answer, refusals too, and sees when to come back", async () => {
  for (const answer of [
    json(200, {}),
    problem("RATE_LIMITED"),
    problem("NOT_STARTED", { retryAfterS: 3 }),
    { status: 204 },
  ]) {
    const now = cors.wrap(() => answer)(request("GET", { origin: SHOP })) as HttpResponse;
    const later = await cors.wrap(async () => answer)(request("GET", { origin: SHOP }));
    for (const { status, body, headers } of [now, later]) {
      expect([status, body]).toEqual([answer.status, answer.body]);
      expect(headers).toEqual({
        ...answer.headers,
        vary: "origin",
        "access-control-allow-origin": SHOP,
        "access-control-expose-headers": "retry-after, etag, location",
      });
    }
  }
});

test("others may not, and what a cache may keep says that it depends on the origin", () => {
  const kept: HttpResponse = { status: 200, headers: Object.freeze({ "cache-control": "max-age=1", vary: "accept" }) };
  for (const headers of [{}, { origin: "https://evil.example" }] as Record<string, string>[]) {
    const fresh = json(200, {});
    expect(cors.wrap(() => fresh)(request("GET", headers))).toBe(fresh);
    expect((cors.wrap(() => kept)(request("GET", headers)) as HttpResponse).headers).toEqual({
      "cache-control": "max-age=1",
      vary: "accept, origin",
    });
  }
});

test("frozen headers stay frozen and the same, so that the transport finds their prepared form again", () => {
  const headersOf = (origin: string) =>
    (cors.wrap(() => problem("SOLD_OUT"))(request("POST", { origin })) as HttpResponse).headers!;
  expect(Object.isFrozen(headersOf(SHOP))).toBe(true);
  expect(headersOf(SHOP)).toBe(headersOf(SHOP));
  expect(headersOf("http://localhost:3000")).not.toBe(headersOf(SHOP));
});

import { expect, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest, HttpResponse } from "../transports/transport.ts";
import { Cors } from "./cors.ts";
import { json, problem, problemOf } from "./problem.ts";

const SHOP = "https://shop.example";
const cors = new Cors(new Set([SHOP, "http://localhost:3000"]));
const request = (method: string, headers: Record<string, string>) =>
  ({ method, header: (name: string) => headers[name], hungUp: (error: unknown) => error === GONE }) as HttpRequest;
const GONE = new Error("gone");
const failed = (_: HttpRequest, error: unknown) => problemOf(error);

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
    const now = cors.wrap(() => answer, failed)(request("GET", { origin: SHOP })) as HttpResponse;
    const later = await cors.wrap(async () => answer, failed)(request("GET", { origin: SHOP }));
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
    expect(cors.wrap(() => fresh, failed)(request("GET", headers))).toBe(fresh);
    expect((cors.wrap(() => kept, failed)(request("GET", headers)) as HttpResponse).headers).toEqual({
      "cache-control": "max-age=1",
      vary: "accept, origin",
    });
  }
});

test("frozen headers stay frozen and the same, so that the transport finds their prepared form again", () => {
  const headersOf = (origin: string) =>
    (cors.wrap(() => problem("SOLD_OUT"), failed)(request("POST", { origin })) as HttpResponse).headers!;
  expect(Object.isFrozen(headersOf(SHOP))).toBe(true);
  expect(headersOf(SHOP)).toBe(headersOf(SHOP));
  expect(headersOf("http://localhost:3000")).not.toBe(headersOf(SHOP));
});

test("a handler's failure is an answer that the page may read; a client that is gone gets none", async () => {
  const { headers, status } = problem("SALE_RECOVERING");
  const error = new StampedeError("SALE_RECOVERING");
  const now = () => {
    throw error;
  };
  for (const handler of [now, async () => now()]) {
    const answer = await cors.wrap(handler, failed)(request("GET", { origin: SHOP }));
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ ...headers, "access-control-allow-origin": SHOP });
  }
  const gone = async () => {
    throw GONE;
  };
  expect(cors.wrap(gone, failed)(request("GET", { origin: SHOP }))).rejects.toBe(GONE);
});

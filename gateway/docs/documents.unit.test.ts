import { expect, test } from "bun:test";
import { version } from "../../package.json";
import { declaredEndpoints } from "../../test/support/endpoints.ts";
import { asyncApi } from "./asyncapi.ts";
import type { openApi } from "./openapi.ts";

const endpoints = declaredEndpoints;

function documentAt(path: string): ReturnType<typeof openApi> {
  const endpoint = endpoints.find((one) => one.path === path)!;
  const door = { admit() {}, answered: (_: unknown, response: unknown) => response };
  const answer = endpoint.serve(door as never)({ query: "", header: () => undefined } as never) as { body: string };
  return JSON.parse(answer.body);
}

/** Every `$ref` of a document, resolved against it. */
function danglingReferences(document: object): string[] {
  const dangling: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === "$ref" && typeof inner === "string") {
        let at: unknown = document;
        for (const step of inner.split("/").slice(1)) at = (at as Record<string, unknown> | undefined)?.[step];
        if (at === undefined || at === null) dangling.push(inner);
      } else visit(inner);
    }
  };
  visit(document);
  return dangling;
}

test("OpenAPI names every route that is served, and every reference leads somewhere", () => {
  const document = documentAt("/openapi.json") as { paths: Record<string, Record<string, object>> };
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = declaredEndpoints
    .filter(({ tag, operationId }) => tag !== "docs" && operationId !== "getPublicLiveness") // one path for two audiences
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(documented.sort()).toEqual(served.sort());
  expect(danglingReferences(document)).toEqual([]);
});

test("both documents have the version of package.json", () => {
  expect(documentAt("/openapi.json")).toMatchObject({ info: { version } });
  expect(asyncApi(true)).toMatchObject({ info: { version } });
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("a claim documents all answers of the design's table", () => {
  const document = documentAt("/openapi.json") as {
    paths: Record<string, { post: { responses: Record<string, { description: string }> } }>;
  };
  const { responses } = document.paths["/coupons/{couponId}/issue"]!.post;
  expect(Object.keys(responses).sort()).toEqual([
    "200",
    "202",
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "429",
    "500",
    "503",
  ]);
  for (const code of ["NOT_STARTED", "ENDED", "PAUSED"]) expect(responses[403]!.description).toContain(code);
  for (const code of ["SALE_RECOVERING", "OVERLOADED"]) expect(responses[503]!.description).toContain(code);
});

test("each answer says what it means at its own endpoint", () => {
  type Answer = { description: string; headers?: object; content: Record<string, { schema: { $ref: string } }> };
  const { paths } = documentAt("/openapi.json") as {
    paths: Record<string, Record<string, { summary: string; responses: Record<string, Answer> }>>;
  };
  const done = (path: string, method: string) => paths[path]![method]!.responses[200]!.description;
  expect(done("/coupons/{couponId}/issue", "post")).toContain("earlier win");
  expect(done("/coupons", "get")).toBe("The listed sales, newest first; at most a second old");
  expect(JSON.stringify(paths).match(/earlier win/g)).toHaveLength(2);
  const { 200: ready, 503: notReady } = paths["/health/ready"]!.get!.responses;
  for (const answer of [ready!, notReady!])
    expect(answer.content["application/json"]!.schema.$ref).toBe("#/components/schemas/Readiness");
  expect(notReady!.headers).toBeUndefined();
});

test("what keeps a call from happening twice, or proves who calls, stands among its parameters", () => {
  const document = documentAt("/openapi.json") as {
    paths: Record<string, { post?: { parameters?: { name: string; in: string; required: boolean }[] } }>;
  };
  const headers = Object.entries(document.paths).flatMap(([path, { post }]) =>
    (post?.parameters ?? []).filter((one) => one.in === "header").map(({ name, required }) => [path, name, required]),
  );
  expect(headers.sort()).toEqual([
    ["/admin/coupons", "Idempotency-Key", false],
    ["/admin/points/grants", "Idempotency-Key", false],
    ["/admin/products", "Idempotency-Key", false],
    ["/admin/products/{productId}/restock", "Idempotency-Key", false],
    ["/orders", "Idempotency-Key", false],
    ["/webhooks/payments", "stampede-signature", true],
  ]);
});

test("AsyncAPI holds both directions of the socket, and every reference leads somewhere", () => {
  const document = asyncApi(true) as { channels: { socket: { messages: Record<string, object> } } };
  const names = Object.keys(document.channels.socket.messages);
  for (const name of ["auth", "claim", "resume", "welcome", "coupon.issued", "sale.soldout"])
    expect(names).toContain(name);
  expect(danglingReferences(document)).toEqual([]);
});

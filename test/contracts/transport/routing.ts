import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { once, requestText } from "./raw-http.ts";
import { answer, describeRequest, route, start } from "./server.ts";

/** Paths, parameters, methods and headers. */
export function routingContract(name: string, listen: Listen): void {
  const echo = (label: string) => (request: Parameters<Parameters<typeof route>[2]>[0]) =>
    answer(200, { label, ...describeRequest(request) }, { "x-route": label });

  const routes = [
    route("GET", "/coupons", echo("list")),
    route("GET", "/coupons/:couponId", echo("show")),
    route("POST", "/coupons/:couponId/issue", echo("issue")),
    route("GET", "/coupons/requests/:requestId", echo("request")),
    route("GET", "/coupons/mine", echo("mine")),
    route("GET", "/a/:x/c", echo("x-c")),
    route("GET", "/a/b/:y", echo("b-y")),
    route("PUT", "/cart/items", echo("put")),
    route("DELETE", "/cart/items", echo("delete")),
    route("PATCH", "/sales/:couponId", async (request) =>
      answer(200, { label: "edit", body: new TextDecoder().decode(await request.body()), ...describeRequest(request) }),
    ),
    route("GET", "/kept", () => ({ status: 304, headers: { etag: '"x"', "cache-control": "public, max-age=1" } })),
    route("GET", "/address", (request) => answer(200, { address: request.remoteAddress })),
    route("GET", "/header", (request) =>
      answer(200, { token: request.header("authorization"), none: request.header("x-none") ?? null }),
    ),
    route("GET", "/two-headers", () => answer(200, {}, { "x-one": "1\r\nx-two: 2" })),
    route("GET", "/later/:name", async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return answer(200, { ...describeRequest(request), address: request.remoteAddress });
    }),
    route("GET", "/bytes", () => ({ status: 200, body: new Uint8Array([104, 105]) })),
    route("GET", "/empty", () => ({ status: 204 })),
    route("GET", "/frozen", () => ({ status: 418, headers: FROZEN, body: "teapot" })),
  ];
  const FROZEN = Object.freeze({ "content-type": "text/plain", "x-frozen": "yes" });

  async function withServer(
    run: (get: (method: string, target: string) => ReturnType<typeof once>, port: number) => Promise<void>,
  ) {
    const transport = await start(listen, routes);
    try {
      await run(
        (method, target) => once(transport.port, requestText(method, target), { head: method === "HEAD" }),
        transport.port,
      );
    } finally {
      await transport.stop(0);
    }
  }

  test(`${name}: a literal segment wins over a parameter, at any depth`, () =>
    withServer(async (get) => {
      const label = async (target: string) => JSON.parse((await get("GET", target)).body).label;
      expect(await label("/coupons")).toBe("list");
      expect(await label("/coupons/abc")).toBe("show");
      expect(await label("/coupons/mine")).toBe("mine");
      expect(await label("/coupons/requests/r1")).toBe("request");
      expect(await label("/a/b/z")).toBe("b-y");
      expect(await label("/a/z/c")).toBe("x-c");
    }));

  test(`${name}: PATCH is a method with a body, and 304 an answer without one`, () =>
    withServer(async (get, port) => {
      const headers = { "content-type": "application/json" };
      const url = `http://127.0.0.1:${port}/sales/abc`;
      const edited = await fetch(url, { method: "PATCH", headers, body: '{"name":"x"}' });
      expect(await edited.json()).toMatchObject({ label: "edit", body: '{"name":"x"}', params: { couponId: "abc" } });
      const kept = await get("GET", "/kept");
      expect([kept.status, kept.body, kept.headers.etag]).toEqual([304, "", '"x"']);
      expect((await get("GET", "/sales/abc")).status).toBe(405);
    }));

  test(`${name}: parameters are percent-decoded, the query is not`, () =>
    withServer(async (get) => {
      const { body } = await get("GET", "/coupons/a%2Fb%20%C3%A4?x=%20y&z=1");
      expect(JSON.parse(body)).toMatchObject({
        method: "GET",
        path: "/coupons/a%2Fb%20%C3%A4",
        query: "x=%20y&z=1",
        params: { couponId: "a/b ä" },
      });
      expect(JSON.parse((await get("GET", "/coupons/a?")).body)).toMatchObject({ path: "/coupons/a", query: "" });
      expect(JSON.parse((await get("GET", "/coupons?a?b")).body)).toMatchObject({ path: "/coupons", query: "a?b" });
    }));

  test(`${name}: malformed percent-encoding in a parameter is an unknown path, not an exception`, () =>
    withServer(async (get) => {
      for (const bad of ["/coupons/%zz", "/coupons/%", "/coupons/a%f", "/coupons/%ff", "/coupons/%c3%28"]) {
        expect((await get("GET", bad)).status).toBe(404);
      }
      expect((await get("POST", "/coupons/%e0%a4/issue")).status).toBe(404);
    }));

  test(`${name}: unknown paths are 404, known paths with another method are 405 and say which they have`, () =>
    withServer(async (get) => {
      for (const target of ["/", "/nothing", "/coupons/", "/coupons/a/b", "//coupons", "/a//c", "/Coupons"]) {
        expect((await get("GET", target)).status).toBe(404);
      }
      const wrong = await get("POST", "/cart/items");
      expect(wrong.status).toBe(405);
      expect(wrong.headers.allow).toBe("PUT, DELETE, OPTIONS");
      expect((await get("PATCH", "/coupons/a/issue")).headers.allow).toBe("POST, OPTIONS");
      expect((await get("PATCH", "/coupons/a")).headers.allow).toBe("GET, HEAD, OPTIONS");
      expect((await get("GET", "/coupons/a/issue")).status).toBe(405);
    }));

  test(`${name}: OPTIONS lists the methods of a path, and is 404 where there is none`, () =>
    withServer(async (get) => {
      const options = await get("OPTIONS", "/coupons/a");
      expect([options.status, options.headers.allow]).toEqual([204, "GET, HEAD, OPTIONS"]);
      expect((await get("OPTIONS", "/cart/items")).headers.allow).toBe("PUT, DELETE, OPTIONS");
      expect((await get("OPTIONS", "/nothing")).status).toBe(404);
    }));

  test(`${name}: HEAD is GET without the body`, () =>
    withServer(async (get) => {
      const [head, full] = [await get("HEAD", "/coupons/a"), await get("GET", "/coupons/a")];
      expect(head.status).toBe(200);
      expect(head.headers["x-route"]).toBe("show");
      // Of the GET's answer only the method in the echo differs.
      expect(Number(head.headers["content-length"])).toBe(full.body.length + 1);
      expect((await get("HEAD", "/coupons/a/issue")).status).toBe(405);
      expect((await get("HEAD", "/nothing")).status).toBe(404);
    }));

  test(`${name}: headers go both ways, absent ones are undefined, the peer's address is known`, () =>
    withServer(async (get, port) => {
      const sent = await once(
        port,
        requestText("GET", "/header", undefined, { Authorization: "Bearer t", "X-Long": "y".repeat(8000) }),
      );
      expect(JSON.parse(sent.body)).toEqual({ token: "Bearer t", none: null });
      expect(sent.headers["content-type"]).toBe("application/json");
      expect(JSON.parse((await get("GET", "/address")).body).address).toBe("127.0.0.1");
    }));

  test(`${name}: two tokens in one request arrive as both, so that neither is taken for the one`, () =>
    withServer(async (_get, port) => {
      const twice =
        "GET /header HTTP/1.1\r\nhost: t\r\nauthorization: Bearer a\r\nx-a: b\r\nAuthorization: Bearer b\r\n\r\n";
      expect(JSON.parse((await once(port, twice)).body).token).toBe("Bearer a, Bearer b");
    }));

  test(`${name}: all but the headers can still be read after an await`, () =>
    withServer(async (get) => {
      const expected = { path: "/later/a%20b", query: "c=d", params: { name: "a b" }, address: "127.0.0.1" };
      expect(JSON.parse((await get("GET", "/later/a%20b?c=d")).body)).toMatchObject(expected);
    }));

  test(`${name}: a header value with a line break is a failure, never a second header`, () =>
    withServer(async (get) => {
      const { status, headers } = await get("GET", "/two-headers");
      expect([status, headers["x-two"]]).toEqual([500, undefined]);
    }));

  test(`${name}: frozen headers serve again and again, bodies may be bytes or absent`, () =>
    withServer(async (get) => {
      for (let i = 0; i < 3; i++) {
        const { status, headers, body } = await get("GET", "/frozen");
        expect([status, headers["x-frozen"], headers["content-type"], body]).toEqual([
          418,
          "yes",
          "text/plain",
          "teapot",
        ]);
      }
      expect((await get("GET", "/bytes")).body).toBe("hi");
      expect((await get("GET", "/empty")).status).toBe(204);
    }));

  test(`${name}: headers beyond the limit are 431, a malformed request is 400, and the process goes on`, () =>
    withServer(async (get, port) => {
      expect((await once(port, requestText("GET", "/coupons", undefined, { x: "y".repeat(100_000) }))).status).toBe(
        431,
      );
      expect((await once(port, "GET /coupons HTTP/1.1\r\nhost t\r\n\r\n")).status).toBe(400);
      expect((await once(port, "GET /coupons HTTP/1.1\r\n\r\n")).status).toBe(400);
      expect((await once(port, "GET /coupons X\r\nhost: t\r\n\r\n")).status).toBe(505);
      expect((await once(port, "POST /coupons HTTP/1.1\r\nhost: h\r\ncontent-length: abc\r\n\r\n")).status).toBe(400);
      expect((await get("GET", "/coupons")).status).toBe(200);
    }));

  test(`${name}: the same route twice, or two names for one parameter, is refused at the start`, async () => {
    const twice = [route("GET", "/x/:a", () => answer(200, 1)), route("GET", "/x/:a", () => answer(200, 2))];
    await expect(start(listen, twice)).rejects.toThrow("exists twice");
    const names = [route("GET", "/x/:a", () => answer(200, 1)), route("POST", "/x/:b", () => answer(200, 2))];
    await expect(start(listen, names)).rejects.toThrow("parameter names");
  });
}

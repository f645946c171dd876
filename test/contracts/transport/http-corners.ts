import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { once, RawHttp, requestText } from "./raw-http.ts";
import { answer, describeRequest, route, start, until } from "./server.ts";

/** What one transport's own parser decides, before any of our code is asked. */
export interface ParserLimits {
  /** The status of requests of HTTP/1.0, and of those whose target is a whole URL. */
  readonly oldForms: 200 | 505;
  /** Whether it refuses wrong chunks with 400 and a header without a name; otherwise a connection ends after its first chunks. */
  readonly isStrict: boolean;
}

/** HTTP that browsers rarely speak and probes, proxies and other clients do. */
export function httpCornersContract(name: string, listen: Listen, { oldForms }: ParserLimits): void {
  const routes = [
    route("GET", "/coupons/:couponId", (request) => answer(200, describeRequest(request))),
    route("GET", "/later", async () => answer(200, "later")),
    route("GET", "/frozen", () => ({ status: 200, headers: FROZEN, body: "frozen" })),
    route("GET", "/bare", () => ({ status: 204 })),
    route("GET", "/throws", () => {
      throw new Error("thrown");
    }),
    route("GET", "/key", (request) => answer(200, { key: request.header("idempotency-key") ?? null })),
    route("POST", "/length", async (request) => answer(200, { length: (await request.body()).length })),
  ];
  const FROZEN = Object.freeze({ "content-type": "text/plain" });

  async function withServer(run: (port: number) => Promise<void>) {
    const transport = await start(listen, routes);
    try {
      await run(transport.port);
    } finally {
      await transport.stop(0);
    }
  }

  test(`${name}: a target that is a whole URL is answered with ${oldForms}, whatever host it names`, () =>
    withServer(async (port) => {
      for (const origin of ["http://test", "http://other.example:80", "https://test"]) {
        const { status, body } = await once(port, `GET ${origin}/coupons/abc?x=1 HTTP/1.1\r\nhost: test\r\n\r\n`);
        expect(status).toBe(oldForms);
        if (status !== 200) continue;
        expect(JSON.parse(body)).toMatchObject({ path: "/coupons/abc", query: "x=1", params: { couponId: "abc" } });
      }
      const unknown = await once(port, "GET http://test/nothing HTTP/1.1\r\nhost: test\r\n\r\n");
      expect(unknown.status).toBe(oldForms === 200 ? 404 : 505);
    }));

  test(`${name}: a probe of HTTP/1.0 is answered with ${oldForms}, and its connection ends`, () =>
    withServer(async (port) => {
      for (const head of ["", "host: test\r\n", "connection: keep-alive\r\n"]) {
        const raw = await RawHttp.open(port);
        raw.write(`GET /coupons/abc HTTP/1.0\r\n${head}\r\n`);
        expect((await raw.response())!.status).toBe(oldForms);
        await until("the connection ends", () => raw.isClosed);
        expect(raw.error).toBeUndefined();
      }
    }));

  test(`${name}: who asks before it sends a body is told to go on, and is answered`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      raw.write(requestText("POST", "/length", undefined, { "content-length": "3", expect: "100-continue" }));
      expect((await raw.response())!.status).toBe(100);
      raw.write("abc");
      expect(JSON.parse((await raw.response())!.body)).toEqual({ length: 3 });
      raw.write(requestText("GET", "/later"));
      expect((await raw.response())!.status).toBe(200);
      raw.close();
    }));

  test(`${name}: a chunked body without a chunk is an empty body, of a GET too`, () =>
    withServer(async (port) => {
      for (const request of ["POST /length", "GET /later"]) {
        const { status, body } = await once(
          port,
          `${request} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
        );
        expect([status, JSON.parse(body)]).toEqual([200, request === "GET /later" ? "later" : { length: 0 }]);
      }
    }));

  test(`${name}: an Idempotency-Key without a value is told from none, and two from one`, () =>
    withServer(async (port) => {
      const keyOf = async (line: string) =>
        JSON.parse((await once(port, `GET /key HTTP/1.1\r\nhost: t\r\n${line}\r\n`)).body).key;
      expect(await keyOf("")).toBeNull();
      expect(await keyOf("Idempotency-Key:\r\n")).toBe("");
      expect(await keyOf("idempotency-key:   \r\n")).toBe("");
      expect(await keyOf("idempotency-key: a\r\n")).toBe("a");
      expect(await keyOf("idempotency-key: a\r\nIdempotency-Key: b\r\n")).toBe("a, b");
    }));

  test(`${name}: every answer tells browsers not to guess what it is`, () =>
    withServer(async (port) => {
      const asked = [
        ["GET", "/coupons/abc", 200],
        ["HEAD", "/coupons/abc", 200],
        ["GET", "/later", 200],
        ["GET", "/frozen", 200],
        ["GET", "/bare", 204],
        ["GET", "/throws", 500],
        ["GET", "/nothing", 404],
        ["PUT", "/later", 405],
        ["OPTIONS", "/later", 204],
      ] as const;
      for (const [method, target, status] of asked) {
        const seen = await once(port, requestText(method, target), { head: method === "HEAD" });
        const sniff = seen.headers["x-content-type-options"];
        expect({ method, target, status: seen.status, sniff }).toEqual({ method, target, status, sniff: "nosniff" });
      }
    }));
}

import { expect, test } from "bun:test";
import { StampedeError } from "../../../contracts/wire/errors.ts";
import type { Listen, TransportOptions } from "../../../gateway/transports/transport.ts";
import { once, RawHttp, requestText } from "./raw-http.ts";
import { answer, MAX_BODY, route, start, until } from "./server.ts";

/** A limit of bytes that a test can read. */
class Bytes {
  taken = 0;
  constructor(private readonly limit: number) {}
  take(bytes: number): void {
    if (this.taken + bytes > this.limit) throw new StampedeError("OVERLOADED");
    this.taken += bytes;
  }
  give(bytes: number): void {
    this.taken -= bytes;
  }
}

/** Connections near their limit, as a test sets them. */
class Crowd {
  isBusy = false;
  isFull = false;
  ended = 0;
  refusal = () => answer(503, { code: "OVERLOADED" });
  left(): void {
    this.ended++;
  }
}

/** What a transport does about the limits of the whole process, and for browsers and proxies. */
export function limitsContract(name: string, listen: Listen): void {
  const routes = [
    route("GET", "/now", () => answer(200, "now")),
    route("GET", "/later", async () => answer(200, "later")),
    route("POST", "/length", async (request) => answer(200, { length: (await request.body()).length })),
    route("GET", "/hops", (request) =>
      answer(200, [request.header("x-forwarded-for") ?? null, request.header("forwarded") ?? null]),
    ),
  ];

  async function withServer(options: Partial<TransportOptions<undefined>>, run: (port: number) => Promise<void>) {
    const transport = await start(listen, routes, {
      failed: (_, error) =>
        error instanceof StampedeError
          ? answer(error.code === "OVERLOADED" ? 503 : 413, { code: error.code })
          : answer(500, { message: String(error) }),
      ...options,
    });
    try {
      await run(transport.port);
    } finally {
      await transport.stop(0);
    }
  }

  test(`${name}: every line of a forwarding header is told, so that none can hide the proxy's`, () =>
    withServer({}, async (port) => {
      const lines =
        "x-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nx-forwarded-for: 9.9.9.9\r\nforwarded: for=9.9.9.9\r\n";
      const { body } = await once(port, `GET /hops HTTP/1.1\r\nhost: t\r\n${lines}connection: close\r\n\r\n`);
      expect(JSON.parse(body)).toEqual(["6.6.6.6, 9.9.9.9", "for=6.6.6.6, for=9.9.9.9"]);
    }));

  test(`${name}: a preflight is answered before the routes, other requests are not touched`, () =>
    withServer(
      {
        preflight: (request) =>
          request.header("access-control-request-method") === undefined
            ? undefined
            : answer(200, { asked: request.method }),
      },
      async (port) => {
        const raw = await RawHttp.open(port);
        for (const path of ["/now", "/nothing"]) {
          raw.write(requestText("OPTIONS", path, undefined, { "access-control-request-method": "POST" }));
          expect(JSON.parse((await raw.response())!.body)).toEqual({ asked: "OPTIONS" });
        }
        raw.write(requestText("OPTIONS", "/now"));
        expect((await raw.response())!.headers.allow).toBe("GET, HEAD, OPTIONS");
        raw.close();
      },
    ));

  test(`${name}: near the limit of connections every answer ends its connection, at the limit every request is refused`, async () => {
    const crowd = new Crowd();
    await withServer({ connections: crowd }, async (port) => {
      const raw = await RawHttp.open(port);
      raw.write(requestText("GET", "/now"));
      expect((await raw.response())!.status).toBe(200);
      expect(crowd.ended).toBe(0);
      crowd.isBusy = true;
      raw.write(requestText("GET", "/later"));
      expect((await raw.response())!.status).toBe(200);
      await until("the connection ends", () => raw.isClosed);
      expect([raw.error, crowd.ended]).toEqual([undefined, 1]);
      crowd.isFull = true;
      for (const [i, path] of ["/now", "/later", "/nothing"].entries()) {
        const refused = await RawHttp.open(port);
        refused.write(requestText("GET", path));
        const { status, headers } = (await refused.response())!;
        expect([status, headers.connection]).toEqual([503, "close"]);
        await until("the connection ends", () => refused.isClosed);
        expect([refused.error, crowd.ended]).toEqual([undefined, 2 + i]);
      }
      crowd.isFull = crowd.isBusy = false;
      const last = await RawHttp.open(port);
      last.write(requestText("GET", "/now"));
      expect((await last.response())!.status).toBe(200);
      last.close();
    });
  });

  test(`${name}: bodies beyond the limit of all are refused, and every end of a body gives its bytes back`, async () => {
    const bytes = new Bytes(MAX_BODY + 500);
    await withServer({ bodies: bytes }, async (port) => {
      const slow = await RawHttp.open(port);
      slow.write(requestText("POST", "/length", undefined, { "content-length": "900" }));
      slow.write("a");
      await until("the first body begins", () => bytes.taken === 900);
      const other = await RawHttp.open(port);
      other.write(requestText("POST", "/length", "b".repeat(601)));
      const refused = (await other.response())!;
      expect([refused.status, JSON.parse(refused.body)]).toEqual([503, { code: "OVERLOADED" }]);
      other.close();
      const small = await RawHttp.open(port);
      small.write(requestText("POST", "/length", "b".repeat(600)));
      expect((await small.response())!.status).toBe(200);
      expect(bytes.taken).toBe(900);
      // One without a length may become as large as a body may be.
      small.write("POST /length HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n");
      expect((await small.response())!.status).toBe(503);
      small.close();
      slow.close(); // in the middle of its body
      await until("its bytes are given back", () => bytes.taken === 0);
      const whole = await RawHttp.open(port);
      whole.write("POST /length HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n");
      expect(JSON.parse((await whole.response())!.body)).toEqual({ length: 1 });
      expect(bytes.taken).toBe(0);
      whole.close();
    });
  });
}

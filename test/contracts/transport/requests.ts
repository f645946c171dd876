import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { once, RawHttp, requestText } from "./raw-http.ts";
import { answer, MAX_BODY, route, start, until } from "./server.ts";

const chunked = (...parts: string[]) =>
  `POST /length HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n${parts.map((p) => `${p.length.toString(16)}\r\n${p}\r\n`).join("")}0\r\n\r\n`;

/** Bodies, keep-alive, pipelining, failing handlers and clients that hang up. */
export function requestsContract(name: string, listen: Listen): void {
  let release: () => void = () => {};
  let entered = 0;
  const failures: unknown[] = [];
  const routes = [
    route("POST", "/length", async (request) => answer(200, { length: (await request.body()).length })),
    route("POST", "/text", async (request) => answer(200, Buffer.from(await request.body()).toString("utf8"))),
    route("POST", "/late", async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return answer(200, { length: (await request.body()).length });
    }),
    route("POST", "/unread", () => answer(200, "unread")),
    route("GET", "/number/:n", async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return answer(200, Number(request.params.n));
    }),
    route("GET", "/at-once/:n", (request) => answer(200, Number(request.params.n))),
    route("GET", "/throws", () => {
      throw new Error("thrown");
    }),
    route("GET", "/rejects", async () => {
      await null;
      throw new Error("rejected");
    }),
    route("GET", "/held", async () => {
      entered++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return answer(200, "held");
    }),
  ];

  async function withServer(run: (port: number, inFlight: () => number) => Promise<void>) {
    const transport = await start(listen, routes, {
      failed: (_request, error) => {
        failures.push(error);
        const { code, message } = error as { code?: string; message: string };
        return answer(code === "BODY_TOO_LARGE" ? 413 : 500, { code, message });
      },
    });
    try {
      await run(transport.port, transport.inFlight);
    } finally {
      await transport.stop(0);
    }
  }

  test(`${name}: a body of exactly the limit passes, one byte more is 413 with our document`, () =>
    withServer(async (port) => {
      const post = (length: number) => once(port, requestText("POST", "/length", "x".repeat(length)));
      expect(JSON.parse((await post(0)).body)).toEqual({ length: 0 });
      expect(JSON.parse((await post(MAX_BODY)).body)).toEqual({ length: MAX_BODY });
      const refused = await post(MAX_BODY + 1);
      expect([refused.status, JSON.parse(refused.body).code]).toEqual([413, "BODY_TOO_LARGE"]);
      expect((await post(50 * MAX_BODY)).status).toBe(413);
      expect((await post(2000 * MAX_BODY)).status).toBe(413);
    }));

  test(`${name}: the same limits hold for a chunked body without a length`, () =>
    withServer(async (port) => {
      const half = "x".repeat(MAX_BODY / 2);
      expect(JSON.parse((await once(port, chunked(half, half))).body)).toEqual({ length: MAX_BODY });
      expect(JSON.parse((await once(port, chunked())).body)).toEqual({ length: 0 });
      const refused = await once(port, chunked(half, half, "x"));
      expect([refused.status, JSON.parse(refused.body).code]).toEqual([413, "BODY_TOO_LARGE"]);
      expect((await once(port, chunked(...Array<string>(100).fill(half)))).status).toBe(413);
    }));

  test(`${name}: a body survives being split at every byte, in UTF-8 too`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      const text = "äöü🎫";
      raw.socket.setNoDelay(true);
      for (const byte of Buffer.from(requestText("POST", "/text", text))) {
        raw.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(JSON.parse((await raw.response())!.body)).toBe(text);
      raw.close();
    }));

  test(`${name}: a body may be read late`, () =>
    withServer(async (port) => {
      expect(JSON.parse((await once(port, requestText("POST", "/late", "abc"))).body)).toEqual({ length: 3 });
    }));

  test(`${name}: a body that is not read does not disturb the next request on the connection`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      raw.write(requestText("POST", "/unread", "x".repeat(MAX_BODY)) + requestText("GET", "/number/1"));
      expect(JSON.parse((await raw.response())!.body)).toBe("unread");
      expect(JSON.parse((await raw.response())!.body)).toBe(1);
      raw.close();
    }));

  test(`${name}: pipelined requests to synchronous handlers are all answered, in order`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      for (const count of [2, 10]) {
        const numbers = Array.from({ length: count }, (_, i) => i);
        raw.write(numbers.map((n) => requestText("GET", `/at-once/${n}`)).join(""));
        const answers: number[] = [];
        for (const _ of numbers) answers.push(JSON.parse((await raw.response())!.body));
        expect(answers).toEqual(numbers);
      }
      raw.close();
    }));

  test(`${name}: a request pipelined behind an asynchronous one is answered after it or not at all`, () =>
    withServer(async (port, inFlight) => {
      const raw = await RawHttp.open(port);
      raw.write([1, 2, 3].map((n) => requestText("GET", `/number/${n}`)).join(""));
      const answers: number[] = [];
      for (let n = 1; n <= 3; n++) {
        const response = await raw.response();
        if (response === undefined) break;
        answers.push(JSON.parse(response.body));
      }
      expect([1, 2, 3].slice(0, answers.length)).toEqual(answers);
      expect(answers.length === 3 || raw.isClosed).toBe(true); // a client is never left waiting
      raw.close();
      await until("nothing is in flight", () => inFlight() === 0);
      expect((await once(port, requestText("GET", "/number/1"))).status).toBe(200);
    }));

  test(`${name}: pipelined bodies reach their own handlers`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      raw.write(["a", "bb", "ccc"].map((body) => requestText("POST", "/text", body)).join(""));
      for (const body of ["a", "bb", "ccc"]) expect(JSON.parse((await raw.response())!.body)).toBe(body);
      raw.close();
    }));

  test(`${name}: a connection serves many requests, and ends after one that says close`, () =>
    withServer(async (port) => {
      const raw = await RawHttp.open(port);
      for (let n = 1; n < 50; n++) {
        raw.write(requestText("GET", `/number/${n}`));
        expect(JSON.parse((await raw.response())!.body)).toBe(n);
      }
      raw.write(requestText("GET", "/number/1", undefined, { connection: "close" }));
      expect((await raw.response())!.status).toBe(200);
      await raw.closed();
      expect(raw.error).toBeUndefined();
    }));

  test(`${name}: a handler that throws or rejects is answered by failed(), and is not in flight any more`, () =>
    withServer(async (port, inFlight) => {
      expect(JSON.parse((await once(port, requestText("GET", "/throws"))).body).message).toBe("thrown");
      expect(JSON.parse((await once(port, requestText("GET", "/rejects"))).body).message).toBe("rejected");
      expect(inFlight()).toBe(0);
    }));

  test(`${name}: a client that hangs up in mid-body is no failure of ours`, () =>
    withServer(async (port, inFlight) => {
      failures.length = 0;
      for (const text of [
        "POST /length HTTP/1.1\r\nhost: t\r\ncontent-length: 500\r\n\r\nabc",
        "POST /length HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
      ]) {
        const raw = await RawHttp.open(port);
        raw.write(text);
        await until("the handler reads", () => inFlight() === 1);
        raw.close();
        await until("nothing is in flight", () => inFlight() === 0);
      }
      expect(failures).toEqual([]);
      expect((await once(port, requestText("GET", "/number/1"))).status).toBe(200);
    }));

  test(`${name}: a client that hangs up before its answer costs nothing but that answer`, () =>
    withServer(async (port, inFlight) => {
      entered = 0;
      const raw = await RawHttp.open(port);
      raw.write(requestText("GET", "/held"));
      await until("the handler runs", () => entered === 1);
      expect(inFlight()).toBe(1);
      raw.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(inFlight()).toBe(1); // the handler is still at work: its effect may have happened
      release();
      await until("nothing is in flight", () => inFlight() === 0);
      expect((await once(port, requestText("GET", "/number/1"))).status).toBe(200);
    }));
}

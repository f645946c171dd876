import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import type { ParserLimits } from "./http-corners.ts";
import { RawHttp, type RawResponse, requestText } from "./raw-http.ts";
import { answer, route, start } from "./server.ts";

/** How long a connection may be silent, milliseconds. Answers come within 10 ms; a busy machine takes longer. */
const MOMENT_MS = 400;

/** A head with these lines, then a body. */
const post = (lines: readonly string[], body: string, target = "/length") =>
  `POST ${target} HTTP/1.1\r\nhost: t\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;

const CHUNKED = "transfer-encoding: chunked";
const CHUNKS = "3\r\nabc\r\n0\r\n\r\n";

/** Requests of which two servers could disagree where they end, and so what the next request on the connection is. */
const AMBIGUOUS: readonly [string, readonly string[], string][] = [
  ["two lengths", ["content-length: 3", "content-length: 5"], "abcde"],
  ["two lengths, the longer first", ["content-length: 5", "content-length: 3"], "abcde"],
  ["a list of two lengths", ["content-length: 3, 5"], "abcde"],
  ["a length and an empty one", ["content-length: 3", "content-length:"], "abc"],
  ["an empty length", ["content-length:"], "abc"],
  ["a length with a sign", ["content-length: +3"], "abc"],
  ["a length in hexadecimal", ["content-length: 0x3"], "abc"],
  ["a length and chunks", ["content-length: 3", CHUNKED], CHUNKS],
  ["chunks and a length", [CHUNKED, "content-length: 3"], CHUNKS],
  ["an unknown transfer coding", ["transfer-encoding: xchunked"], CHUNKS],
  ["a coding before the chunks", ["transfer-encoding: gzip, chunked"], CHUNKS],
  ["two transfer codings", [CHUNKED, "transfer-encoding: identity"], CHUNKS],
  ["a space before the colon of the length", ["content-length : 3"], "abc"],
  ["a line that continues the one before", ["content-length: 3", " 5"], "abcde"],
];

const WRONG_CHUNKS: readonly [string, string][] = [
  ["a letter for a length", "g\r\nabc\r\n0\r\n\r\n"],
  ["a letter after the length", "3g\r\nabc\r\n0\r\n\r\n"],
  ["no length", "\r\nabc\r\n0\r\n\r\n"],
  ["a space before the length", " 3\r\nabc\r\n0\r\n\r\n"],
  ["a negative length", "-3\r\nabc\r\n0\r\n\r\n"],
  ["a length beyond 64 bits", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"],
  ["no line break after the data", "3\r\nabcXX0\r\n\r\n"],
];

/** Where one request ends and the next begins: what a proxy in front and the gateway must see alike. */
export function framingContract(name: string, listen: Listen, { isStrict }: ParserLimits): void {
  let calls = 0;
  const taken = { bytes: 0 };
  const routes = [
    route("POST", "/length", async (request) => {
      calls++;
      return answer(200, { length: (await request.body()).length });
    }),
    route("POST", "/unread", () => answer(200, "unread")),
    route("GET", "/next", () => answer(200, "next")),
  ];

  async function withServer(run: (port: number) => Promise<void>) {
    calls = 0;
    taken.bytes = 0;
    const transport = await start(listen, routes, {
      bodies: {
        take(bytes) {
          taken.bytes += bytes;
        },
        give(bytes) {
          taken.bytes -= bytes;
        },
      },
    });
    try {
      await run(transport.port);
    } finally {
      await transport.stop(0);
    }
  }

  /** What comes back for a request alone, and whether a request right behind it is answered. */
  async function answersTo(port: number, text: string): Promise<{ alone: RawResponse | undefined; isOver: boolean }> {
    const alone = await send(port, text);
    const both = await send(port, text + requestText("GET", "/next"));
    return { alone: alone.first, isOver: both.second === undefined || both.second.status === 400 };
  }

  /** The first two answers on a new connection, which is given up after a moment of silence. */
  async function send(port: number, text: string) {
    const raw = await RawHttp.open(port);
    raw.write(text);
    const silence = setTimeout(() => raw.close(), MOMENT_MS);
    const first = await raw.response();
    const second = first === undefined ? undefined : await raw.response();
    clearTimeout(silence);
    raw.close();
    return { first, second };
  }

  test.each(AMBIGUOUS)(`${name}: %s: 400, the connection ends, and no handler runs`, (_, lines, body) =>
    withServer(async (port) => {
      for (const target of ["/length", "/unread", "/nothing"]) {
        const { alone, isOver } = await answersTo(port, post(lines, body, target));
        expect({ target, status: alone?.status, isOver }).toEqual({ target, status: 400, isOver: true });
      }
      expect(calls).toBe(0);
    }),
  );

  test(`${name}: the same length twice is one length, and is counted once`, () =>
    withServer(async (port) => {
      const { alone, isOver } = await answersTo(port, post(["content-length: 3", "content-length: 3"], "abc"));
      expect([alone!.status, JSON.parse(alone!.body), isOver]).toEqual([200, { length: 3 }, false]);
      expect(taken.bytes).toBe(0);
    }));

  test.each(WRONG_CHUNKS)(`${name}: chunks with %s: the bytes behind them are never a request`, (_, chunks) =>
    withServer(async (port) => {
      for (const target of ["/length", "/unread"]) {
        const { alone, isOver } = await answersTo(port, post([CHUNKED], chunks, target));
        expect({ target, isOver }).toEqual({ target, isOver: true });
        if (isStrict && target === "/length") expect(alone?.status).toBe(400);
      }
    }),
  );

  test(`${name}: right chunks in any case of letters are a body, read or not`, () =>
    withServer(async (port) => {
      for (const target of ["/length", "/unread"]) {
        // Of two requests at once it may refuse the second with the first.
        const { alone, isOver } = await answersTo(port, post(["Transfer-Encoding: Chunked"], CHUNKS, target));
        expect({ target, status: alone!.status, isOver }).toEqual({ target, status: 200, isOver: !isStrict });
      }
    }));

  // uWebSockets.js ends the list of headers there, and shows no handler that it did: docs/operations.md.
  if (!isStrict) return;
  test(`${name}: a header without a name: 400, and the connection ends`, () =>
    withServer(async (port) => {
      const { alone, isOver } = await answersTo(port, post([": x", "content-length: 3"], "abc"));
      expect([alone?.status, isOver]).toEqual([400, true]);
    }));
}

import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { RawHttp, requestText } from "./raw-http.ts";
import { RawWebSocket } from "./raw-websocket.ts";
import { answer, route, start, startRoom, until } from "./server.ts";

/** Who neither speaks nor answers is let go. The transports' clocks tick in seconds, so this takes about ten. */
export function idleContract(name: string, listen: Listen): void {
  test(`${name}: half a body, half a header, what is not HTTP and a dead socket are cut; a socket that answers pings stays`, async () => {
    const stuck = route("POST", "/body", async (request) => answer(200, (await request.body()).length));
    const http = await start(listen, [stuck], { idleTimeoutS: 2 });
    const room = await startRoom(listen, { idleTimeoutS: 8 });
    const open = async (text: string) => {
      const raw = await RawHttp.open(http.port);
      raw.write(text);
      return raw;
    };
    const halfBody = await open("POST /body HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\na");
    const halfHeader = await open("POST /body HTTP/1.1\r\nho");
    const garbage = await open("GARBAGE\r\n\r\n");
    const silent = await RawWebSocket.open(room.port, "/ws?silent"); // a raw socket answers no pings
    const alive = new WebSocket(`ws://127.0.0.1:${room.port}/ws?alive`);
    await until("both sockets are open", () => room.seen.sockets.length === 2);

    await until("half a body is cut", () => halfBody.isClosed && http.inFlight() === 0);
    await until("the silent socket is cut", () => room.seen.closed.length > 0);
    await until("half a header is cut", () => halfHeader.isClosed);
    await until("what is not HTTP is cut", () => garbage.isClosed);
    expect(room.seen.closed.map((c) => c.name)).toEqual(["silent"]);
    expect(silent.frames.length).toBeGreaterThan(0); // it was asked before
    expect(alive.readyState).toBe(WebSocket.OPEN);

    const whole = await open(requestText("POST", "/body", "abc"));
    expect((await whole.response())!.status).toBe(200);
    whole.close();
    alive.close();
    await Promise.all([http.stop(0), room.transport.stop(0)]);
  }, 40_000);
}

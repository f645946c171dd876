import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { once, RawHttp, requestText } from "./raw-http.ts";
import { frame, OP, RawWebSocket } from "./raw-websocket.ts";
import { MAX_MESSAGE, startRoom, until } from "./server.ts";

/** Upgrades, frames and closing. */
export function socketsContract(name: string, listen: Listen): void {
  test(`${name}: an accepted upgrade keeps its data through open, message and close`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws?from=query");
    const named = await RawWebSocket.open(port, "/ws", { "x-name": "header" });
    expect([ws.response.status, named.response.status]).toEqual([101, 101]);
    await until("both are open", () => seen.sockets.length === 2);
    expect(seen.sockets.map((s) => s.data.name).sort()).toEqual(["from=query", "header"]);
    expect(seen.sockets[0]!.remoteAddress).toBe("127.0.0.1");
    ws.http.close();
    named.send(OP.close, Buffer.from([0x03, 0xe8, ...Buffer.from("bye")]));
    await until("both are closed", () => seen.closed.length === 2);
    expect(seen.closed.find((c) => c.name === "from=query")!.code).toBe(1006);
    expect(seen.closed.find((c) => c.name === "header")).toEqual({ name: "header", code: 1000, reason: "bye" });
    expect(seen.sockets[0]!.send("after the end")).toBe(0);
    expect(seen.sockets[0]!.bufferedAmount()).toBe(0);
    await transport.stop(0);
  });

  test(`${name}: a refused upgrade reaches the client with its status and body`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws", { "x-refuse": "expired" });
    expect(ws.response.status).toBe(401);
    expect(JSON.parse(ws.response.body)).toEqual({ code: "TOKEN_INVALID", reason: "expired" });
    expect(seen.sockets).toEqual([]);
    ws.http.close();
    await transport.stop(0);
  });

  test(`${name}: what is not a WebSocket handshake gets 426 on the socket's path, other methods 405`, async () => {
    const { transport, port } = await startRoom(listen);
    const plain = await once(port, requestText("GET", "/ws"));
    expect([plain.status, JSON.parse(plain.body).code]).toEqual([426, "UPGRADE_REQUIRED"]);
    const noKey = await once(
      port,
      requestText("GET", "/ws", undefined, { upgrade: "websocket", connection: "upgrade" }),
    );
    expect(noKey.status).toBe(426);
    expect((await once(port, requestText("POST", "/ws", ""))).status).toBe(405);
    const elsewhere = await RawWebSocket.open(port, "/plain");
    expect(elsewhere.response.status).toBe(200);
    elsewhere.http.close();
    await transport.stop(0);
  });

  test(`${name}: of the subprotocols that a client asks for the first is confirmed`, async () => {
    const { transport, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws", { "sec-websocket-protocol": "stampede, other" });
    expect(ws.response.headers["sec-websocket-protocol"]).toBe("stampede"); // browsers give up without it
    ws.http.close();
    await transport.stop(0);
  });

  test(`${name}: text, binary and fragmented messages arrive whole`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws");
    ws.send(OP.text, "grüße");
    ws.send(OP.binary, Buffer.from([0, 255, 7]));
    ws.send(OP.text, "frag", false);
    ws.send(OP.ping, "in between");
    ws.send(OP.continuation, "men", false);
    ws.send(OP.continuation, "ted");
    ws.send(OP.text, "x".repeat(MAX_MESSAGE));
    await until("four messages", () => seen.messages.length === 4);
    expect(seen.messages[0]).toBe("grüße");
    expect([...(seen.messages[1] as Uint8Array)]).toEqual([0, 255, 7]);
    expect(seen.messages[2]).toBe("fragmented");
    expect((seen.messages[3] as string).length).toBe(MAX_MESSAGE);
    await until("the pong", () => ws.frames.some((f) => f.opcode === OP.pong));
    expect(ws.frames.find((f) => f.opcode === OP.pong)!.payload.toString()).toBe("in between");
    ws.http.close();
    await transport.stop(0);
  });

  test(`${name}: a message over the limit closes with 1009, in one frame or in pieces`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const whole = await RawWebSocket.open(port, "/ws?whole");
    whole.send(OP.text, "x".repeat(MAX_MESSAGE + 1));
    const pieces = await RawWebSocket.open(port, "/ws?pieces");
    pieces.send(OP.text, "x".repeat(MAX_MESSAGE), false);
    pieces.send(OP.continuation, "x");
    await until("both were refused", () => whole.closeCode() === 1009 && pieces.closeCode() === 1009);
    await until("both are closed", () => seen.closed.length === 2);
    expect(seen.messages).toEqual([]);
    await transport.stop(0);
  });

  test(`${name}: a protocol violation ends that socket alone, and no unmasked frame is taken for a message`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const good = await RawWebSocket.open(port, "/ws?good");
    const invalidUtf8 = await RawWebSocket.open(port, "/ws?utf8");
    invalidUtf8.send(OP.text, Buffer.from([0xc3, 0x28]));
    const reserved = await RawWebSocket.open(port, "/ws?reserved");
    reserved.http.write(Buffer.from([0xf1, 0x80, 1, 2, 3, 4]));
    // A server must close on it (RFC 6455 5.1). uWebSockets.js does not look; it takes what follows for a mask.
    const unmasked = await RawWebSocket.open(port, "/ws?unmasked");
    unmasked.http.write(Buffer.from([0x81, 0x01, 0x61]));
    await until("the two are closed", () => seen.closed.filter((c) => c.name !== "unmasked").length === 2);
    good.send(OP.text, "still here");
    await until("the good one lives", () => seen.messages.includes("still here"));
    expect(seen.messages).toEqual(["still here"]);
    good.http.close();
    unmasked.http.close();
    await until("all are closed", () => seen.closed.length === 4);
    await transport.stop(0);
  });

  test(`${name}: the server's close code and reason reach the client`, async () => {
    const { transport, seen, port } = await startRoom(listen, {
      onMessage: (socket) => socket.close(4003, "token expired"),
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws?x`);
    const closed = new Promise<CloseEvent>((resolve) => client.addEventListener("close", resolve));
    client.addEventListener("open", () => client.send("close me"));
    const { code, reason } = await closed;
    expect([code, reason]).toEqual([4003, "token expired"]);
    await until("the server knows", () => seen.closed.length === 1);
    expect(seen.closed[0]!.code).toBe(4003);
    await transport.stop(0);
  });

  test(`${name}: terminate ends a socket without a close frame`, async () => {
    const { transport, seen, port } = await startRoom(listen, { onMessage: (socket) => socket.terminate() });
    const ws = await RawWebSocket.open(port, "/ws");
    ws.send(OP.text, "go");
    await ws.http.closed();
    expect(ws.closeCode()).toBeUndefined();
    await until("the server knows", () => seen.closed.length === 1);
    await transport.stop(0);
  });

  test(`${name}: a message handler that throws or rejects is reported, and costs its own socket only`, async () => {
    const { transport, seen, port } = await startRoom(listen, {
      onMessage: (_socket, message) => {
        if (message === "throw") throw new Error("thrown");
        return message === "reject" ? Promise.reject(new Error("rejected")) : undefined;
      },
    });
    const [first, second, third] = await Promise.all(["a", "b", "c"].map((n) => RawWebSocket.open(port, `/ws?${n}`)));
    first!.send(OP.text, "throw");
    second!.send(OP.text, "reject");
    await until("both are closed", () => first!.closeCode() === 1011 && second!.closeCode() === 1011);
    expect(seen.failures.map((e) => (e as Error).message).sort()).toEqual(["rejected", "thrown"]);
    third!.send(OP.text, "fine");
    await until("the third lives", () => seen.messages.includes("fine"));
    third!.http.close();
    await transport.stop(0);
  });

  test(`${name}: frames that a hasty client sends with its handshake come whole or not at all; the socket serves`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const raw = await RawHttp.open(port);
    const handshake = requestText("GET", "/ws?eager", undefined, {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": Buffer.alloc(16, 1).toString("base64"),
      "sec-websocket-version": "13",
    });
    // RFC 6455 4.1 has a client wait for the answer; Bun reads on, uWebSockets.js drops what came with the request.
    raw.write(Buffer.concat([Buffer.from(handshake), frame(OP.text, "one"), frame(OP.text, "two")]));
    expect((await raw.response())!.status).toBe(101);
    raw.write(frame(OP.text, "three"));
    await until("the one in time has come", () => seen.messages.includes("three"));
    expect([["three"], ["one", "two", "three"]]).toContainEqual(seen.messages.map(String));
    raw.close();
    await transport.stop(0);
  });
}

import { expect, test } from "bun:test";
import type { Listen, Socket } from "../../../gateway/transports/transport.ts";
import { OP, RawWebSocket } from "./raw-websocket.ts";
import { MAX_BUFFERED, startRoom, until } from "./server.ts";

const join = (socket: Socket<unknown>, message: string | Uint8Array) =>
  message === "leave" ? socket.unsubscribe("sale:1") : socket.subscribe("sale:1");

/** Publish and subscribe, and readers that do not read. */
export function broadcastContract(name: string, listen: Listen): void {
  test(`${name}: a message reaches all 1,000 subscribers, and no other socket`, async () => {
    const { transport, seen, port } = await startRoom(listen, { onMessage: join });
    let heard = 0;
    const open = async (subscribe: boolean) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`);
      await new Promise((resolve) => ws.addEventListener("open", resolve));
      ws.addEventListener("message", ({ data }) => {
        if (data === '{"type":"sale.soldout"}') heard += subscribe ? 1 : 1_000_000;
      });
      if (subscribe) ws.send("join");
      return ws;
    };
    const sockets: WebSocket[] = [];
    for (let i = 0; i < 10; i++) sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(true)))));
    const strangers = await Promise.all(Array.from({ length: 10 }, () => open(false)));
    await until("all have joined", () => seen.messages.length === 1000);
    expect(transport.publish("sale:1", '{"type":"sale.soldout"}')).toBe(1000);
    await until("all have heard", () => heard >= 1000);

    sockets[0]!.send("leave");
    sockets[1]!.close();
    await until("one left, one is gone", () => seen.messages.length === 1001 && seen.closed.length === 1);
    heard = 0;
    expect(transport.publish("sale:1", '{"type":"sale.soldout"}')).toBe(998);
    expect(transport.publish("sale:2", "nobody is there")).toBe(0);
    await until("the rest has heard", () => heard >= 998);
    expect(heard).toBe(998);
    for (const ws of [...sockets, ...strangers]) ws.close();
    await until("all are closed", () => seen.closed.length === 1010);
    await transport.stop(0);
  }, 20_000);

  test(`${name}: a reader that stops is queued for up to the limit, then sends are dropped; when it reads on it gets what was queued`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws");
    await until("it is open", () => seen.sockets.length === 1);
    const socket = seen.sockets[0]!;
    ws.stopReading();
    const text = "x".repeat(16 * 1024);
    const results: number[] = [];
    let highest = 0;
    // The kernel takes a few megabytes first.
    for (let i = 0; i < 4000 && results.at(-1) !== 0; i++) {
      results.push(socket.send(text));
      highest = Math.max(highest, socket.bufferedAmount());
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(results[0]).toBeGreaterThan(0);
    expect(results.at(-2)).toBe(-1);
    expect(results.at(-1)).toBe(0);
    expect(highest).toBeGreaterThan(MAX_BUFFERED / 2);
    expect(highest).toBeLessThan(MAX_BUFFERED + 2 * text.length);
    expect(seen.drained).toBe(0);

    ws.readAgain();
    const accepted = results.filter((r) => r !== 0).length;
    await until("everything that was accepted arrived", () => ws.texts().length === accepted);
    await until("drain was told", () => seen.drained > 0);
    expect(socket.bufferedAmount()).toBe(0);
    expect(socket.send("again")).toBeGreaterThan(0);
    ws.http.close();
    await transport.stop(0);
  }, 20_000);

  test(`${name}: a slow reader that is closed reads what was queued, and then why`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws");
    await until("it is open", () => seen.sockets.length === 1);
    const socket = seen.sockets[0]!;
    ws.stopReading();
    const text = "z".repeat(16 * 1024);
    let accepted = 0;
    for (; accepted < 4000 && socket.send(text) !== 0; accepted++) await new Promise((next) => setImmediate(next));
    socket.close(4009, "too slow");
    await until("the server let it go", () => seen.closed.length === 1);
    ws.readAgain();
    await until("the reason has come", () => ws.closeCode() === 4009);
    expect(ws.texts().length).toBe(accepted);
    ws.http.close();
    await transport.stop(0);
  }, 20_000);

  test(`${name}: a reader that stopped can be cut at once, and its memory is free`, async () => {
    const { transport, seen, port } = await startRoom(listen);
    const ws = await RawWebSocket.open(port, "/ws");
    await until("it is open", () => seen.sockets.length === 1);
    const socket = seen.sockets[0]!;
    ws.stopReading();
    const text = "x".repeat(16 * 1024);
    for (let i = 0; i < 4000 && socket.send(text) !== 0; i++) await new Promise((resolve) => setImmediate(resolve));
    socket.terminate();
    await until("the server let it go", () => seen.closed.length === 1);
    expect(socket.bufferedAmount()).toBe(0);
    ws.http.close();
    await transport.stop(0);
  }, 20_000);

  test(`${name}: a subscriber that does not read does not keep the others from hearing`, async () => {
    const { transport, seen, port } = await startRoom(listen, { onMessage: join });
    const stuck = await RawWebSocket.open(port, "/ws?stuck");
    const alert = await RawWebSocket.open(port, "/ws?alert");
    stuck.send(OP.text, "join");
    alert.send(OP.text, "join");
    await until("both have joined", () => seen.messages.length === 2);
    stuck.stopReading();
    const text = "y".repeat(16 * 1024);
    const socket = seen.sockets.find((s) => s.data.name === "stuck")!;
    let published = 0;
    while (socket.bufferedAmount() < MAX_BUFFERED && published < 4000) {
      transport.publish("sale:1", text);
      published++;
      if (published % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(socket.bufferedAmount()).toBeGreaterThanOrEqual(MAX_BUFFERED);
    await until("the other has heard all", () => alert.texts().length === published);
    transport.publish("sale:1", "last");
    await until("and the last one", () => alert.texts().at(-1) === "last");
    for (let i = 0; i < 20; i++) transport.publish("sale:1", text);
    await until("and more", () => alert.texts().length === published + 21);
    expect(socket.bufferedAmount()).toBeLessThan(MAX_BUFFERED + 65_536 + 2 * text.length);
    stuck.http.close();
    alert.http.close();
    await transport.stop(0);
  }, 20_000);
}

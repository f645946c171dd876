import { expect, test } from "bun:test";
import type { Listen } from "../../../gateway/transports/transport.ts";
import { once, RawHttp, requestText } from "./raw-http.ts";
import { answer, route, start, until } from "./server.ts";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Graceful stop, and sharing a port. */
export function stoppingContract(name: string, listen: Listen): void {
  test(`${name}: a stop lets a running request finish and then returns`, async () => {
    let entered = false;
    const slow = route("GET", "/slow", async () => {
      entered = true;
      await sleep(400);
      return answer(200, "done");
    });
    const transport = await start(listen, [slow]);
    const answered = once(transport.port, requestText("GET", "/slow"));
    await until("the handler runs", () => entered);
    const started = performance.now();
    await transport.stop(120_000);
    expect(performance.now() - started).toBeLessThan(60_000); // it did not wait for its grace
    expect((await answered).status).toBe(200);
    await expect(once(transport.port, requestText("GET", "/slow"))).rejects.toThrow();
  });

  test(`${name}: a stop cuts what is not done after its grace`, async () => {
    let entered = false;
    const stuck = route("GET", "/stuck", () => {
      entered = true;
      return new Promise(() => {});
    });
    const transport = await start(listen, [stuck]);
    const raw = await RawHttp.open(transport.port);
    raw.write(requestText("GET", "/stuck"));
    await until("the handler runs", () => entered);
    const started = performance.now();
    await transport.stop(300);
    expect(performance.now() - started).toBeGreaterThan(250);
    await raw.closed();
  });

  test(`${name}: under load a stop answers every request that was sent, none with a reset`, async () => {
    const work = route("GET", "/work/:n", async (request) => {
      await sleep(Number(request.params.n) % 7);
      return answer(200, request.params.n);
    });
    const transport = await start(listen, [work]);
    let answered = 0;
    let lost = 0;
    let politely = 0;
    const client = async (id: number) => {
      const raw = await RawHttp.open(transport.port);
      for (let n = id; ; n++) {
        raw.write(requestText("GET", `/work/${n}`));
        const response = await raw.response();
        if (response === undefined) {
          lost++;
          return;
        }
        answered++;
        if (response.headers.connection === "close") {
          politely++;
          await raw.closed();
          return;
        }
      }
    };
    const clients = Array.from({ length: 50 }, (_, id) => client(id));
    await until("the load runs", () => answered > 500);
    await transport.stop(60_000);
    await Promise.all(clients);
    expect({ lost, politely }).toEqual({ lost: 0, politely: 50 });
    expect(transport.inFlight()).toBe(0);
  });

  test(`${name}: two listeners share a port when asked to, and are told when they may not`, async () => {
    const who = (label: string) => [route("GET", "/who", () => answer(200, label))];
    const first = await start(listen, who("first"), { reusePort: true });
    const second = await start(listen, who("second"), { reusePort: true, port: first.port });
    expect(second.port).toBe(first.port);
    const answers = new Set<string>();
    for (let i = 0; i < 100; i++) answers.add(JSON.parse((await once(first.port, requestText("GET", "/who"))).body));
    expect([...answers].sort()).toEqual(["first", "second"]);
    await first.stop(0);
    expect(JSON.parse((await once(second.port, requestText("GET", "/who"))).body)).toBe("second");
    await second.stop(0);

    const alone = await start(listen, who("alone"));
    await expect(start(listen, who("late"), { port: alone.port })).rejects.toThrow();
    await alone.stop(0);
  });
}

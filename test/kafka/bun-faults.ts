import { dlopen, type Pointer, toArrayBuffer } from "bun:ffi";
import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BrokerLog } from "../../kafka/broker-log.ts";
import { BunAdmin } from "../../kafka/bun/admin.ts";
import { AdminClient } from "../../kafka/bun/admin-client.ts";
import { BunConsumer } from "../../kafka/bun/consumer.ts";
import type { OpenLibrary } from "../../kafka/bun/library.ts";
import { BunProducer } from "../../kafka/bun/producer.ts";
import type { ClientOptions } from "../../kafka/kafka.ts";
import { eventually, failure, type OpenWorkbench, read, text } from "./contract/workbench.ts";

/** A librdkafka some of whose functions are others. */
const withFunctions = (library: OpenLibrary, others: Record<string, (...given: never) => unknown>): OpenLibrary => ({
  ...library,
  rd: new Proxy(library.rd, { get: (target, name) => others[name as string] ?? target[name as keyof typeof target] }),
});

export function faultTests(open: OpenWorkbench, library: OpenLibrary, options: ClientOptions): void {
  test("when no queue ever wakes the event loop, sends, commits and answers come all the same", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const asleep = withFunctions(library, { rd_kafka_queue_io_event_enable: () => {} });
    const brokerLog = new BrokerLog(options);
    const producer = new BunProducer(asleep, options, brokerLog);
    await producer.sendAll([{ topic, value: "one" }]);
    await producer.send({ topic, value: "two" });
    const consumer = new BunConsumer(asleep, options, brokerLog, { groupId: `g-${topic}`, topics: [topic] });
    expect((await read(consumer, 2)).map(text)).toEqual(["one", "two"]);
    await consumer.commit([{ topic, partition: 0, offset: 2 }]);
    const admin = new BunAdmin(asleep, options, brokerLog);
    await admin.createPartitions(topic, 2);
    await Promise.all([producer.close(), consumer.close(), admin.close()]);
    expect((await bench.admin.groupLag(`g-${topic}`, [topic])).map(({ lag }) => lag)).toEqual([0, 0]);
  });

  test("a wake-up socket that cannot be watched is said, and made anew; until then reports are looked for", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const said: string[] = [];
    let pairs = 0;
    const libc = {
      ...library.libc,
      socketpair(family: number, type: number, protocol: number, ends: Pointer) {
        const result = library.libc.socketpair(family, type, protocol, ends);
        // The event loop refuses to watch a file.
        if (++pairs === 1) new Int32Array(toArrayBuffer(ends, 0, 8))[0] = openSync(import.meta.path, "r");
        return result;
      },
    } as unknown as OpenLibrary["libc"];
    const brokerLog = new BrokerLog({ ...options, log: (_, message) => void said.push(message) });
    const producer = new BunProducer({ ...library, libc }, options, brokerLog);
    await producer.sendAll([{ topic, value: "one" }]);
    await eventually("the socket is made anew", () => pairs === 2);
    await producer.sendAll([{ topic, value: "two" }]);
    await sleep(1_500); // longer than to the next look: a good socket is kept
    await producer.close();
    expect(pairs).toBe(2);
    expect(said.filter((message) => message.includes("cannot wake the event loop"))).toHaveLength(1);
    expect((await bench.readAll(topic, 2)).map(text)).toEqual(["one", "two"]);
  });

  test("closing leaves the event loop free while a thread of librdkafka's is stuck", async () => {
    const { pause } = dlopen("libc.so.6", { pause: { args: [], returns: "i32" } }).symbols;
    const { rd_kafka_conf_set_resolve_cb: setResolver } = dlopen(library.path, {
      rd_kafka_conf_set_resolve_cb: { args: ["ptr", "ptr"], returns: "void" },
    }).symbols;
    // In place of looking the broker's name up the thread waits for a signal that never comes.
    const resolver = (pause as unknown as { ptr: Pointer }).ptr;
    const stuck = withFunctions(library, {
      rd_kafka_new: (type: number, conf: Pointer, reason: Pointer, size: number) => {
        setResolver(conf, resolver);
        return library.rd.rd_kafka_new(type, conf, reason, size);
      },
    });
    const brokerLog = new BrokerLog(options);
    const producer = new BunProducer(stuck, options, brokerLog);
    const admin = new AdminClient(stuck, options, brokerLog);
    const lost = failure(producer.send({ topic: "any", value: "v" }));
    await sleep(500); // until they look for the broker
    let turns = 0;
    const timer = setInterval(() => turns++, 10);
    await Promise.all([producer.close(100), admin.close()]);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(50);
    expect(await lost).toMatchObject({ code: "CLOSED" });
  });
}

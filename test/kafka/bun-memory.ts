import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { BrokerLog } from "../../kafka/broker-log.ts";
import { BunAdmin } from "../../kafka/bun/admin.ts";
import type { OpenLibrary } from "../../kafka/bun/library.ts";
import { BunProducer } from "../../kafka/bun/producer.ts";
import type { ClientOptions, IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { type OpenWorkbench, read } from "./contract/workbench.ts";

/** Sizes around 65,536 bytes at three bytes for a UTF-16 unit, up to which a text goes through reused memory. */
const UNITS = [1, 21_845, 21_846, 65_536, 200_000];
/** One, two and three bytes of UTF-8 for a unit, and four for two. */
const LETTERS = ["a", "ü", "€", "😀"];

/**
 * librdkafka, but before every call the garbage collector runs and its memory is used for something else: as it may happen by
 * chance between the moment when an address is taken and the moment when librdkafka reads what lies there.
 */
function withCollections(library: OpenLibrary): OpenLibrary {
  const noise: Uint8Array[] = [];
  const collect = () => {
    Bun.gc(true);
    noise.length = 0;
    for (let i = 0; i < 40; i++) noise.push(new Uint8Array(i % 2 === 0 ? 66_000 : 8 << (i % 14)).fill(0xee));
  };
  const rd = new Proxy(library.rd, {
    get(target, name) {
      const call = target[name as keyof typeof target] as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => {
        collect();
        return call(...given);
      };
    },
  });
  return { ...library, rd };
}

const textOf = (units: number, letter: string) => letter.repeat(Math.ceil(units / letter.length)).slice(0, units);

/** An order of a hundred flash lines, as the door writes it. */
const largeOrder = () =>
  JSON.stringify({
    type: "OrderCreated",
    data: {
      items: Array.from({ length: 100 }, (_, i) => ({
        productId: randomUUID(),
        name: `Flash product №${i} with a long name here ${"x".repeat(120)}`,
        quantity: 1 + (i % 9),
        unitPrice: 199_000 + i,
        flash: true,
      })),
    },
  });

function* records(topic: string): Generator<OutgoingRecord> {
  for (const units of UNITS) {
    for (const letter of LETTERS) {
      const value = textOf(units, letter);
      yield { topic, key: `plain-${units}`, value };
      yield { topic, key: value.slice(0, 60_000), value: `long key ${units}` };
      yield {
        topic,
        key: "k",
        value,
        headers: { traceparent: "00", large: value.slice(0, 40_000), bytes: bytes(value) },
      };
    }
  }
  for (let i = 0; i < 20; i++) yield { topic, key: randomUUID(), value: largeOrder() };
}

const bytes = (value: string) => new TextEncoder().encode(value.slice(0, 9_000));
const content = (some: string | Uint8Array | null | undefined) =>
  some === null || some === undefined ? null : Buffer.from(some as string).toString("base64");
const asSent = ({ key, value, headers }: OutgoingRecord | IncomingRecord) => [
  content(key),
  content(value),
  Object.entries(headers ?? {}).map(([name, some]) => [name, content(some)]),
];

export function memoryTests(open: OpenWorkbench, library: OpenLibrary, options: ClientOptions): void {
  test("what is produced arrives byte for byte although the garbage collector runs before every call", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const sent = [...records(topic)];
    const producer = new BunProducer(withCollections(library), options, new BrokerLog(options), { lingerMs: 20 });
    for (const record of sent) await producer.send(record);
    await producer.close();
    const received = await read(bench.consumer(topic), sent.length);
    const wrong = received.filter((record, i) => Bun.deepEquals(asSent(record), asSent(sent[i]!)) === false);
    expect(wrong.map(({ offset }) => offset)).toEqual([]);
  });

  test("topics are made, described, changed and deleted although the garbage collector runs before every call", async () => {
    const admin = new BunAdmin(withCollections(library), options, new BrokerLog(options));
    const names = Array.from({ length: 3 }, () => `t-${randomUUID()}`);
    const config = { "retention.ms": "60000" };
    await admin.createTopics(names.map((name) => ({ name, partitions: 1, replicationFactor: 1, config })));
    await admin.createPartitions(names[0]!, 2);
    await admin.alterTopicConfig(names[1]!, { "retention.ms": "70000" });
    const found = (await admin.describeTopics(names)).map((topic) => [topic.name, topic.partitions, topic.config]);
    expect(found).toEqual([
      [names[0]!, 2, config],
      [names[1]!, 1, { "retention.ms": "70000" }],
      [names[2]!, 1, config],
    ]);
    await admin.deleteTopics(names);
    await admin.close();
  });
}

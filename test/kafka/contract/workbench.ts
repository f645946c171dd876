import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Admin,
  Consumer,
  ConsumerOptions,
  CreateKafka,
  IncomingRecord,
  Kafka,
  Producer,
  ProducerOptions,
} from "../../../kafka/kafka.ts";

/** A broker that the suite may stop and start. */
export interface ControlledBroker {
  readonly address: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
  freeze(ms: number): Promise<void>;
}

/** What one contract test works with; `await using` closes everything it opened. */
export interface Workbench extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly broker: ControlledBroker;
  /** What all of its clients have logged. */
  readonly said: readonly string[];
  /** A new topic with a new name. */
  topic(partitions: number, config?: Record<string, string>): Promise<string>;
  producer(options?: ProducerOptions): Producer;
  consumer(topic: string, options?: Partial<ConsumerOptions>): Consumer;
  /** Every record of a topic, read by a new group. @throws if not `count` come within a minute */
  readAll(topic: string, count: number): Promise<IncomingRecord[]>;
}

/** What a part of the contract is given: a fresh workbench per call. */
export type OpenWorkbench = () => Workbench;

const READ_LIMIT_MS = 60_000;

export function openWorkbench(createKafka: CreateKafka, broker: ControlledBroker): Workbench {
  const said: string[] = [];
  const log = (level: string, message: string) => void said.push(`${level} ${message}`);
  const kafka = createKafka({ brokers: broker.address, clientId: "contract", log });
  const admin = kafka.admin();
  const open: { close(): Promise<void> }[] = [admin];
  const bench: Workbench = {
    kafka,
    admin,
    broker,
    said,
    async topic(partitions, config = {}) {
      const name = `t-${randomUUID()}`;
      await admin.createTopics([{ name, partitions, replicationFactor: 1, config }]);
      return name;
    },
    producer(options) {
      const producer = kafka.producer(options);
      open.push({ close: () => producer.close(2_000) });
      return producer;
    },
    consumer(topic, options) {
      const consumer = kafka.consumer({ groupId: `g-${randomUUID()}`, topics: [topic], ...options });
      open.push(consumer);
      return consumer;
    },
    async readAll(topic, count) {
      const consumer = bench.consumer(topic);
      const records = await read(consumer, count);
      // A record too many would come right behind the others.
      records.push(...(await consumer.poll(count, 300)));
      await consumer.close();
      return records;
    },
    async [Symbol.asyncDispose]() {
      for (const thing of open.reverse()) await thing.close();
    },
  };
  return bench;
}

/** Polls until `count` records came. @throws after `limitMs` */
export async function read(consumer: Consumer, count: number, limitMs = READ_LIMIT_MS): Promise<IncomingRecord[]> {
  const records: IncomingRecord[] = [];
  const until = Date.now() + limitMs;
  while (records.length < count) {
    if (Date.now() > until) throw new Error(`Waited in vain: ${records.length} of ${count} records`);
    records.push(...(await consumer.poll(1_000, 500)));
  }
  return records;
}

/** Waits until `holds`. @throws after `limitMs` */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const until = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`Waited in vain: ${what}`);
    await sleep(20);
  }
}

/** Waits until the group gave the consumer so many partitions. Only where no record can come. */
export async function assigned(consumer: Consumer, partitions: number): Promise<void> {
  await eventually(`${partitions} partitions are assigned`, async () => {
    await consumer.poll(1, 20);
    return consumer.assignment().length === partitions;
  });
}

/** A record's value as text. */
export const text = (record: IncomingRecord): string => Buffer.from(record.value ?? "").toString();

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<{ code: string; retryable: boolean }> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  if (error === undefined) throw new Error("it succeeded");
  return error;
}

/** Whether a send succeeds. */
export const delivered = (sent: Promise<unknown>): Promise<boolean> =>
  sent.then(
    () => true,
    () => false,
  );

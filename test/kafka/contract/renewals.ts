import { expect, test } from "bun:test";
import { type Kafka, KafkaError } from "../../../kafka/kafka.ts";
import { createRenewedProducer } from "../../../kafka/renewed-producer.ts";
import { delivered, eventually, failure, type OpenWorkbench, read, text } from "./workbench.ts";

/** The product's are 30 and 120 s. */
const PATIENCE = { connectedMs: 60_000, disconnectedMs: 3_000 };

export function renewalsContract(open: OpenWorkbench): void {
  test("a client that delivers nothing any more is replaced; who waits is told, and the next one delivers", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const reasons: string[] = [];
    const failures: unknown[] = [];
    const tell = {
      renewed: (why: string) => void reasons.push(why),
      notRenewed: (error: unknown) => void failures.push(error),
    };
    // The second client cannot be made at first: a throw would come out of a timer, and end the process.
    let made = 0;
    const noFiles = new KafkaError("UNAVAILABLE", "too many open files");
    const kafka: Pick<Kafka, "producer"> = {
      producer(options) {
        if (++made === 2) throw noFiles;
        return bench.kafka.producer(options);
      },
    };
    const producer = createRenewedProducer(kafka, { messageTimeoutMs: 1_000 }, tell, PATIENCE);
    try {
      // The first record of an idempotent producer waits for its id, and a busy broker may need more than a second.
      await eventually("it delivers", () => delivered(producer.send({ topic, value: "before" })));
      await bench.broker.stop();
      const codes = new Set<string>();
      const send = async (value: string) => codes.add((await failure(producer.send({ topic, value }))).code);
      await eventually("the client is replaced", async () => {
        await Promise.all([send("lost"), send("lost")]);
        return reasons.length > 0;
      });
      expect(failures).toEqual([noFiles]);
      expect(reasons[0]).toMatch(/^records have failed for \d+ s and none was acknowledged$/);
      expect([...codes].filter((code) => code !== "DELIVERY_TIMEOUT" && code !== "CLOSED")).toEqual([]);
      await bench.broker.start();
      await eventually("the new client delivers", () => delivered(producer.send({ topic, value: "after" })));
      expect(producer.stats()).toMatchObject({ acknowledged: 1, connected: true, fatal: false });
      // A record that was given up may have arrived all the same.
      const consumer = bench.consumer(topic);
      const values: string[] = [];
      while (!values.includes("after")) values.push(...(await read(consumer, 1)).map(text));
      expect(values[0]).toBe("before");
    } finally {
      await producer.close(2_000);
    }
  });
}

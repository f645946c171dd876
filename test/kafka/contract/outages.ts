import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SESSION_MS } from "../broker.ts";
import { delivered, eventually, failure, type OpenWorkbench, read, text } from "./workbench.ts";

const OUTAGE_MS = 15_000;

export function outagesContract(open: OpenWorkbench): void {
  test("a broker that stood still for longer than its session gets its topics and partitions all the same", async () => {
    await using bench = open();
    const { admin } = bench;
    // Mostly the controller wakes first and fences the broker; sometimes the broker's heartbeat is in time.
    for (let round = 0; round < 2; round++) {
      const name = await bench.topic(1);
      await bench.broker.freeze(SESSION_MS + 1_200);
      await Promise.all([bench.topic(1), admin.createPartitions(name, 2)]);
      expect(await admin.describeTopics([name])).toMatchObject([{ partitions: 2 }]);
    }
    const never = { name: `never-${await bench.topic(1)}`, partitions: 1, replicationFactor: 2, config: {} };
    expect(await failure(admin.createTopics([never]))).toMatchObject({ code: "INVALID", retryable: false });
  });

  test("a broker killed in mid-stream loses and doubles nothing, and keeps the order", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const producer = bench.producer({ messageTimeoutMs: 300_000 });
    const count = 30_000;
    const acks: Promise<unknown>[] = [];
    const restarted = sleep(300).then(() => bench.broker.restart());
    for (let i = 0; i < count; i++) {
      acks.push(producer.send({ topic, key: `${i % 2}`, value: `${i}` }));
      if (i % 20 === 0) await sleep(1); // about 1.5 s of sending, the kill in the midst of it
    }
    await restarted;
    await Promise.all(acks);
    expect(producer.stats()).toMatchObject({ queued: 0, acknowledged: count, failed: 0 });
    const records = await bench.readAll(topic, count);
    for (const parity of [0, 1]) {
      const got = records.map((record) => Number(text(record))).filter((value) => value % 2 === parity);
      expect(got).toEqual(Array.from({ length: count / 2 }, (_, i) => i * 2 + parity));
    }
  });

  test("a broker away for 15 s: deadlines hold, nothing is lost, and every client recovers without help", async () => {
    await using bench = open();
    const topic = await bench.topic(1);
    const producer = bench.producer({ messageTimeoutMs: 300_000 });
    const givingUp = bench.producer({ messageTimeoutMs: 1_000 });
    const closing = bench.producer();
    // The broker remembers a member that it lost for the session timeout, and only then gives its partition away.
    const consumer = bench.consumer(topic, { sessionTimeoutMs: 6_000 });
    const leaving = bench.consumer(topic, { sessionTimeoutMs: 6_000 });
    // The first record of an idempotent producer waits for its id, and a busy broker may need more than `givingUp` has.
    const elsewhere = await bench.topic(1);
    await eventually("the impatient producer is connected", () =>
      delivered(givingUp.send({ topic: elsewhere, value: "" })),
    );
    await Promise.all([producer, closing].map((each) => each.send({ topic, value: "before" })));
    expect(await read(consumer, 2)).toHaveLength(2);
    await consumer.commit([{ topic, partition: 0, offset: 2 }]);
    expect(await read(leaving, 2)).toHaveLength(2);

    await bench.broker.stop();
    const began = performance.now();
    const deadlines = Array.from({ length: 100 }, (_, i) =>
      failure(producer.send({ topic, value: `${i}` }, { deadlineMs: 200 })),
    );
    for (const { code } of await Promise.all(deadlines)) expect(code).toBe("ACK_DEADLINE");
    expect(performance.now() - began).toBeLessThan(30_000); // not message.timeout.ms
    const patient = producer.send({ topic, value: "patient" });
    patient.catch(() => {}); // if something else fails, that shall be told
    expect(await failure(givingUp.send({ topic, value: "given up" }))).toMatchObject({
      code: "DELIVERY_TIMEOUT",
      retryable: true,
    });
    await eventually("the producer knows", () => !producer.stats().connected);
    const abandoned = failure(closing.send({ topic, value: "abandoned" }));
    await closing.close(300);
    expect(await abandoned).toMatchObject({ code: "CLOSED" });
    // Refused; after its session the partition has no owner, and is left out.
    const refused = await consumer.commit([{ topic, partition: 0, offset: 2 }]).catch((error) => error);
    if (refused !== undefined || consumer.assignment().length > 0) expect(refused).toMatchObject({ retryable: true });
    expect(await consumer.poll(10, 100)).toEqual([]);
    await eventually("its session is over", () => leaving.assignment().length === 0);
    await leaving.close();

    await sleep(Math.max(0, OUTAGE_MS - (performance.now() - began)));
    await bench.broker.start();
    expect(await patient).toMatchObject({ topic, partition: 0 });
    await eventually("all late reports came", () => producer.stats().queued === 0);
    expect(producer.stats()).toMatchObject({ acknowledged: 102, failed: 0, connected: true });
    // The group waits for members that never come back: for their sessions, at times for a look at the topics as well.
    expect((await read(consumer, 101, 150_000)).map(text)).toEqual([
      ...Array.from({ length: 100 }, (_, i) => `${i}`),
      "patient",
    ]);
    await consumer.commit([{ topic, partition: 0, offset: 103 }]);
    await eventually("the other producer works again", () => delivered(givingUp.send({ topic, value: "again" })));
    // Six clients noticed, some of them twenty times a second.
    const answers = () => bench.said.filter((line) => line.includes("answers"));
    await eventually("its return is told", () => answers().at(-1)!.includes("again"));
    // A slow machine's broker may be away for long enough to be reminded of.
    const reminders = new RegExp(`^warn kafka: no broker answers for \\d+ s \\(${bench.broker.address}\\)$`);
    expect(answers().filter((line) => !reminders.test(line))).toEqual([
      `warn kafka: no broker answers (${bench.broker.address})`,
      expect.stringMatching(/^info kafka: a broker answers again, after \d+ s$/),
    ]);
    expect(bench.said.length).toBeLessThan(20);
  }, 300_000);
}

import { expect, test } from "bun:test";
import { GroupOffsets, type Questioner } from "../../../kafka/group-offsets.ts";
import { eventually, failure, type OpenWorkbench, read } from "./workbench.ts";

/** An adapter's own: how it asks about one group of the contract's broker. */
export type OpenQuestioner = (groupId: string) => Questioner;

/** Each question is given up while its coordinator is away. */
const PATIENCE_MS = 1_500;
const QUESTIONS = 3;

export function questionsContract(open: OpenWorkbench, openQuestioner: OpenQuestioner): void {
  test("questions about a group that were given up while its coordinator was away do no harm when it is back", async () => {
    await using bench = open();
    const topic = await bench.topic(2);
    const [unread, one] = [0, 1].map((partition) => ({ topic, partition }));
    const groupId = `g-${topic}`;
    await bench.producer().send({ topic, partition: 1, value: "v" });
    const consumer = bench.consumer(topic, { groupId });
    await read(consumer, 1);
    await consumer.commit([{ ...one!, offset: 1 }]);
    await consumer.close();

    // The client that asked before, one that finds no broker from the start, and those that follow one another.
    const asked = openQuestioner(groupId);
    const offsets = new GroupOffsets(() => openQuestioner(groupId));
    const committed = async () => [...(await asked.committed([unread!, one!], 30_000))].map(({ offset }) => offset);
    expect((await committed())[1]).toBe(1);
    expect((await committed())[0]).toBeLessThan(0);
    await bench.broker.stop();
    const late = openQuestioner(groupId);
    for (let i = 0; i < QUESTIONS; i++) {
      const questions = [
        asked.committed([one!], PATIENCE_MS),
        late.committed([one!], PATIENCE_MS),
        offsets.committed(groupId, [one!], PATIENCE_MS),
      ];
      for (const given of await Promise.all(questions.map(failure))) {
        expect(given).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      }
    }
    await bench.broker.start();
    for (const questioner of [asked, late]) {
      await eventually("who asked before is answered", async () => {
        const found = await questioner.committed([one!], PATIENCE_MS).catch(() => []);
        return found[0]?.offset === 1;
      });
    }
    await eventually("and so is who follows", async () => {
      const found = await offsets.committed(groupId, [one!, unread!], PATIENCE_MS).catch(() => []);
      return found[0] === 1 && found[1] === -1;
    });
    await Promise.all([asked.close(), late.close(), offsets.close()]);
    expect(await failure(offsets.committed(groupId, [one!], PATIENCE_MS))).toMatchObject({ code: "CLOSED" });
  });
}

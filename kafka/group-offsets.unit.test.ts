import { expect, test } from "bun:test";
import { GroupOffsets, type Questioner } from "./group-offsets.ts";
import { KafkaError } from "./kafka.ts";

const [first, second] = [0, 1].map((partition) => ({ topic: "t", partition }));

/** Questioners that tell what is done with them; the ones numbered in `failing` get no answer. */
function questioners(failing: readonly number[] = []) {
  const done: string[] = [];
  let made = 0;
  const open = (groupId: string): Questioner => {
    const name = `${groupId}${made}`;
    const fails = failing.includes(made++);
    return {
      async committed() {
        done.push(`${name} asked`);
        await Bun.sleep(1);
        done.push(`${name} answered`);
        if (fails) throw new KafkaError("UNAVAILABLE", "timed out");
        return [{ ...second!, offset: 7 }];
      },
      close: async () => void done.push(`${name} closed`),
    };
  };
  return { offsets: new GroupOffsets(open), done };
}

test("offsets come in the order of the question, −1 where there is none; a group keeps its client", async () => {
  const { offsets, done } = questioners();
  expect(await offsets.committed("g", [second!, first!], 1)).toEqual([7, -1]);
  expect(await offsets.committed("g", [first!], 1)).toEqual([-1]);
  await offsets.close();
  expect(done).toEqual(["g0 asked", "g0 answered", "g0 asked", "g0 answered", "g0 closed"]);
});

test("after a failure the group's next question goes through a new client; the old one is closed before it", async () => {
  const { offsets, done } = questioners([0]);
  const answers = await Promise.allSettled([
    offsets.committed("g", [second!], 1),
    offsets.committed("g", [second!], 1),
  ]);
  expect(answers).toMatchObject([{ reason: { code: "UNAVAILABLE" } }, { value: [7] }]);
  expect(done).toEqual(["g0 asked", "g0 answered", "g0 closed", "g1 asked", "g1 answered"]);
});

test("one question at a time, whatever the group", async () => {
  const { offsets, done } = questioners();
  await Promise.all([offsets.committed("a", [first!], 1), offsets.committed("b", [first!], 1)]);
  expect(done).toEqual(["a0 asked", "a0 answered", "b1 asked", "b1 answered"]);
});

test("after its close it opens nothing, not for those who waited for their turn either", async () => {
  const { offsets, done } = questioners();
  const waiting = [offsets.committed("a", [first!], 1), offsets.committed("b", [first!], 1)];
  await Bun.sleep(0);
  await offsets.close();
  const codes = await Promise.all(
    waiting.map((answer) =>
      answer.then(
        () => "answered",
        (error) => error.code,
      ),
    ),
  );
  expect(codes[1]).toBe("CLOSED");
  expect(done).not.toContain("b1 asked");
  expect(done.filter((what) => what.endsWith("closed"))).toEqual(["a0 closed"]);
});

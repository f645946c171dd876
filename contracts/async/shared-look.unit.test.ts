import { expect, test } from "bun:test";
import { sharedLook } from "./shared-look.ts";

function counted() {
  let looks = 0;
  const look = sharedLook(async (id: string, limit: number | null) => {
    const mine = ++looks;
    await Bun.sleep(5);
    if (id === "broken") throw new Error(`broken ${mine}`);
    return `${id} ${limit} ${mine}`;
  });
  return { look, looks: () => looks };
}

test("who asks the same at once shares a look; who asks later, or something else, does not", async () => {
  const { look } = counted();
  expect(await Promise.all([look("a", 1), look("a", 1), look("a", null), look("b", 1)])).toEqual([
    "a 1 1",
    "a 1 1",
    "a null 2",
    "b 1 3",
  ]);
  expect(await look("a", 1)).toBe("a 1 4");
});

test("a failed look fails for all callers that shared it, and for none afterwards", async () => {
  const { look } = counted();
  const failures = await Promise.allSettled([look("broken", 1), look("broken", 1)]);
  expect(failures.map((one) => one.status === "rejected" && one.reason.message)).toEqual(["broken 1", "broken 1"]);
  await expect(look("broken", 1)).rejects.toThrow("broken 2");
});

test("who asks while a look is at work gets one that begins afterwards, and shares it: a change is seen", async () => {
  let stored = "open";
  let looks = 0;
  const slow = sharedLook(async (_id: string) => {
    looks++;
    const read = stored;
    await Bun.sleep(5);
    return read;
  });
  const before = slow("sale");
  await Bun.sleep(1);
  stored = "paused"; // and its operator was answered
  const after = [slow("sale"), slow("sale"), slow("sale")];
  expect(await before).toBe("open");
  expect(await Promise.all(after)).toEqual(["paused", "paused", "paused"]);
  expect(looks).toBe(2);
  stored = "closed";
  expect(await slow("sale")).toBe("closed");
});

test("a look that failed does not keep the next one from beginning", async () => {
  let looks = 0;
  const look = sharedLook(async (_id: string) => {
    if (++looks === 1) throw new Error("away");
    return looks;
  });
  const first = look("x").catch((error: Error) => error.message);
  await null;
  expect(await look("x")).toBe(2);
  expect(await first).toBe("away");
});

test("with joinRunning, who asks during a look shares its answer, and who asks after it does not", async () => {
  let stored = 1;
  const look = sharedLook(
    async (_id: string) => {
      const read = stored++;
      await Bun.sleep(5);
      return read;
    },
    { joinRunning: true },
  );
  const first = look("x");
  await Bun.sleep(1);
  expect(await Promise.all([first, look("x"), look("y")])).toEqual([1, 1, 2]);
  expect(await look("x")).toBe(3);
});

test("with joinRunning, a failed look fails all calls that shared it, and none afterwards", async () => {
  let looks = 0;
  const look = sharedLook(
    async () => {
      await Bun.sleep(5);
      if (++looks === 1) throw new Error("away");
      return looks;
    },
    { joinRunning: true },
  );
  const first = look();
  await Bun.sleep(1);
  const failures = await Promise.allSettled([first, look()]);
  expect(failures.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await look()).toBe(2);
});

import { expect, test } from "bun:test";
import { type Admin, KafkaError } from "./kafka.ts";
import { createRenewedAdmin } from "./renewed-admin.ts";

/** Clients that answer with their number, or fail as told. */
function clients(failures: readonly (Error | null)[]) {
  const closed: number[] = [];
  let made = 0;
  const admin = () => {
    const number = made++;
    return {
      endOffsets: async () => {
        const failure = failures[number];
        if (failure) throw failure;
        return [{ topic: "t", partition: 0, offset: number }];
      },
      close: async () => void closed.push(number),
    } as unknown as Admin;
  };
  return { admin, closed };
}

test("what got no answer is asked through a new client the next time; the old one is closed", async () => {
  const kafka = clients([new KafkaError("UNAVAILABLE", "timed out"), null]);
  const admin = createRenewedAdmin(kafka, 0);
  expect(await admin.endOffsets("t").catch((error) => error.code)).toBe("UNAVAILABLE");
  expect(await admin.endOffsets("t")).toMatchObject([{ offset: 1 }]);
  expect(kafka.closed).toEqual([0]);
  await admin.close();
  expect(kafka.closed).toEqual([0, 1]);
});

test("a client that cannot be made is no other failure than the question's own, and is made after the next one", async () => {
  const kafka = clients([new KafkaError("UNAVAILABLE", "timed out"), null]);
  let made = 0;
  const admin = createRenewedAdmin(
    {
      admin() {
        if (++made === 2) throw new Error("too many open files");
        return kafka.admin();
      },
    },
    0,
  );
  const ask = () => admin.endOffsets("t").catch((error) => error.message);
  expect([await ask(), await ask()]).toEqual(["timed out", "timed out"]);
  expect(await ask()).toMatchObject([{ offset: 1 }]);
});

test("two questions that fail together renew it once", async () => {
  const kafka = clients([new KafkaError("UNAVAILABLE", "timed out"), null]);
  const admin = createRenewedAdmin(kafka, 0);
  await Promise.allSettled([admin.endOffsets("t"), admin.endOffsets("t")]);
  expect(kafka.closed).toEqual([0]);
});

test.each([
  ["another failure", "UNKNOWN_TOPIC", 0],
  ["a broker that says at once that it is not ready", "UNAVAILABLE", 1_000],
] as const)("%s is no reason for another client", async (_, code, silenceMs) => {
  const kafka = clients([new KafkaError(code, "refused")]);
  const admin = createRenewedAdmin(kafka, silenceMs);
  await admin.endOffsets("t").catch(() => {});
  expect(kafka.closed).toEqual([]);
});

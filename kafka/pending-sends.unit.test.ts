import { describe, expect, test } from "bun:test";
import { KafkaError } from "./kafka.ts";
import { GroupSend, PendingTable, SingleSend, type Waiter } from "./pending-sends.ts";

const broken = new KafkaError("DELIVERY_TIMEOUT", "broken");
const late = new KafkaError("ACK_DEADLINE", "late");

function single() {
  const told: unknown[] = [];
  const send = new SingleSend(
    "topic",
    (ack) => told.push(ack),
    (error) => told.push(error.code),
  );
  return { send, told };
}

function group(records: number) {
  const told: unknown[] = [];
  const send = new GroupSend(
    records,
    () => told.push("stored"),
    (error) => told.push(error.code),
  );
  return { send, told };
}

describe("a single send", () => {
  test("is told its place, once", () => {
    const { send, told } = single();
    send.acknowledged(3, 7);
    send.failed(broken);
    send.expire(late);
    expect(told).toEqual([{ topic: "topic", partition: 3, offset: 7 }]);
  });

  test("that expired hears nothing of its late report", () => {
    const { send, told } = single();
    send.expire(late);
    send.acknowledged(3, 7);
    expect(told).toEqual(["ACK_DEADLINE"]);
  });
});

describe("a group send", () => {
  test("is told when the last record is stored", () => {
    const { send, told } = group(2);
    send.acknowledged();
    expect(told).toEqual([]);
    send.acknowledged();
    expect(told).toEqual(["stored"]);
  });

  test("is told the first failure, after the fate of the others is known", () => {
    const { send, told } = group(3);
    send.failed(broken);
    send.failed(new KafkaError("RECORD_TOO_LARGE", "second"));
    expect(told).toEqual([]);
    send.acknowledged();
    expect(told).toEqual(["DELIVERY_TIMEOUT"]);
  });

  test("that expires after a failure is told the failure, which says more", () => {
    const { send, told } = group(2);
    send.failed(broken);
    send.expire(late);
    send.acknowledged();
    expect(told).toEqual(["DELIVERY_TIMEOUT"]);
  });
});

describe("the table of waiters", () => {
  const waiter = (): Waiter => ({ acknowledged() {}, failed() {} });

  test("gives every waiter a number above zero and returns it once", () => {
    const table = new PendingTable();
    const [a, b] = [waiter(), waiter()];
    const [first, second] = [table.add(a), table.add(b)];
    expect(first).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    expect(table.take(first)).toBe(a);
    expect(table.take(first)).toBeUndefined();
    expect(table.size).toBe(1);
    expect(table.take(999)).toBeUndefined();
    expect(table.take(0)).toBeUndefined();
    expect(table.size).toBe(1);
  });

  test("uses numbers again, so that it never grows beyond what was pending at once", () => {
    const table = new PendingTable();
    const numbers = new Set<number>();
    for (let i = 0; i < 1_000; i++) {
      const number = table.add(waiter());
      numbers.add(number);
      table.take(number);
    }
    expect(numbers.size).toBe(1);
  });

  test("fails everything that is left, once", () => {
    const table = new PendingTable();
    const { send, told } = group(2);
    table.add(send);
    table.add(send);
    table.failAll(broken);
    expect(told).toEqual(["DELIVERY_TIMEOUT"]);
    expect(table.size).toBe(0);
  });
});

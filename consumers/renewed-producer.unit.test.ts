import { expect, test } from "bun:test";
import { KafkaError, type KafkaErrorCode, type Producer } from "../kafka/kafka.ts";
import { createRenewedProducer } from "./renewed-producer.ts";

/** Producers that fail as told, in turn; an absent code: it works. */
function under(codes: (KafkaErrorCode | undefined)[], connected = true) {
  let clients = 0;
  const renewals: string[] = [];
  const kafka = {
    producer() {
      clients++;
      return {
        async sendAll() {
          const code = codes.shift();
          if (code !== undefined) throw new KafkaError(code, "told to");
        },
        stats: () => ({ connected }),
        async close() {},
      } as unknown as Producer;
    },
  };
  const producer = createRenewedProducer(kafka, {}, ({ code }) => renewals.push(code));
  const send = async (times: number) => {
    for (let i = 0; i < times; i++) await producer.sendAll([]).catch(() => {});
  };
  return { send, renewals, clients: () => clients };
}

test("a client that is beyond repair is replaced at once, and the call that met it still fails", async () => {
  const { send, renewals, clients } = under(["FENCED", undefined, "FATAL"]);
  await send(3);
  expect(renewals).toEqual(["FENCED", "FATAL"]);
  expect(clients()).toBe(3);
});

test("a client that delivers nothing although a broker is there is replaced; one success and it starts anew", async () => {
  const late = new Array<KafkaErrorCode>(3).fill("DELIVERY_TIMEOUT");
  const { send, renewals } = under([...late, undefined, ...late, "DELIVERY_TIMEOUT"]);
  await send(7);
  expect(renewals).toEqual([]);
  await send(1);
  expect(renewals).toEqual(["DELIVERY_TIMEOUT"]);
});

test("while no broker is connected another client would do no better, unless this one has forgotten its brokers", async () => {
  const { send, renewals } = under(new Array<KafkaErrorCode>(30).fill("DELIVERY_TIMEOUT"), false);
  await send(29);
  expect(renewals).toEqual([]);
  await send(1);
  expect(renewals).toEqual(["DELIVERY_TIMEOUT"]);
});

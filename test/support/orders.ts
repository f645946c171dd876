import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { Topic } from "../../contracts/topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type ApiAnswer, call } from "./client.ts";
import type { System } from "./system.ts";
import { until } from "./until.ts";

export interface ProductOptions {
  readonly name?: string;
  readonly stock?: number;
  readonly price?: number;
  readonly flash?: boolean;
  readonly currency?: string;
}

/** Creates a product as an operator does. @throws Error if that is refused */
export async function createProduct(system: System, wish: ProductOptions = {}): Promise<Product> {
  const json = { name: "Mug", stock: 10, price: 1250, flash: false, ...wish };
  const { status, body } = await call(`${system.url}/admin/products`, { token: system.operator, json });
  if (status !== 201) throw new Error(`the product was answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** POST /orders of a user, under a key or without one. */
export function placeOrder(system: System, user: string, json: unknown, key?: string): Promise<ApiAnswer> {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  return call(`${system.url}/orders`, { token: system.token(user), json, headers });
}

/** Follows a topic from its beginning; `of` are an order's events so far, in the order of the log. */
export function followOrders(system: System, topic: Topic = "order-events") {
  const kafka = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" });
  const consumer = kafka.consumer({ groupId: crypto.randomUUID(), topics: [topic] });
  const found: StampedeEvent[] = [];
  const of = (orderId: string) => found.filter(({ correlationId }) => correlationId === orderId);
  const poll = async () => {
    for (const { value } of await consumer.poll(1_000, 100)) {
      found.push(JSON.parse(new TextDecoder().decode(value ?? new Uint8Array())));
    }
  };
  return {
    /** Resolves with the order's events once there are `count`. */
    async until(orderId: string, count = 1): Promise<StampedeEvent[]> {
      return until(`${count} events of order ${orderId}`, async () => {
        await poll();
        return of(orderId).length >= count && of(orderId);
      });
    },
    close: () => consumer.close(),
  };
}

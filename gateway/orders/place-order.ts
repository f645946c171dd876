import type { Durability } from "../../contracts/claims/http.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderAccepted, PlaceOrder } from "../../contracts/orders/http.ts";
import { type OrderId, orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import { canonicalOrder, normalOrder } from "../../contracts/orders/request.ts";
import type { OrderStatus } from "../../contracts/orders/steps.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Admission } from "../../lua/admission.ts";
import type { Placed, PlacedOrders } from "../../lua/placed-orders.ts";
import type { PublishRecord } from "../claims/publish.ts";
import type { LookUp } from "./known-orders.ts";
import { orderOutcomeUnknown, withKey } from "./outcome-unknown.ts";
import type { AskedOrder, PriceOrder } from "./price-order.ts";

export interface PlacingParts {
  readonly placed: PlacedOrders;
  readonly admission: Pick<Admission, "take" | "release">;
  readonly price: PriceOrder;
  readonly lookUp: LookUp;
  readonly deliver: PublishRecord;
  /** Whether Kafka's reports are late, so that an order would be acknowledged by the ledger alone. */
  readonly logIsLate: () => boolean;
  /** The seconds that an order takes at present. */
  readonly estimate: () => number;
  readonly maxInFlight: number;
  /** 503 instead of `durable:"ledger"`. */
  readonly requireKafka: boolean;
  readonly fault: Fault;
  readonly onError: (error: unknown) => void;
}

export interface OrderRequest {
  readonly userId: UserId;
  /** null: the gateway makes one; only a 503 names it. */
  readonly idempotencyKey: string | null;
  readonly body: PlaceOrder;
  readonly traceparent: string | undefined;
}

/** @throws StampedeError with the code of every refusal */
export type PlaceOrderFor = (wish: OrderRequest) => Promise<OrderAccepted>;

interface Asked extends AskedOrder {
  /** The client named the key, so another request may use it. */
  readonly repeatable: boolean;
  /** By the monotonic clock. */
  readonly sinceMs: number;
  readonly traceparent: string | undefined;
}

/** How often an order from the cart is priced if other orders change the cart each time. */
const CART_TRIES = 5;
/**
 * An order whose lookup is older is not placed. Redis keeps the keys of finished orders for a minute (KEY_LINGERS_S), so a
 * process that stood still for longer may have missed one.
 */
const LOOK_UP_HOLDS_MS = 30_000;

/** How long a repeat waits for PostgreSQL to say how far its order is; after that the answer is PENDING, as the ledger has it. */
const REPEAT_MS = 2_000;

/** The final statuses of an order. */
const SETTLED: ReadonlySet<OrderStatus> = new Set(["COMPLETED", "CANCELLED"]);

/**
 * Places orders. A repeat is answered before prices, stock and coupons are looked at, because they may have changed since.
 * Admission is taken before the order is stored, so a refusal has nothing to undo. A gateway that dies in between leaves a
 * hold, which the loader releases. The hold has the order's id, so equal requests at the same moment share it.
 */
export class OrderDoor {
  readonly #parts: PlacingParts;
  /** Equal requests at the same moment send one record. */
  readonly #delivering = new Map<OrderId, Promise<Durability>>();
  #inFlight = 0;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
  }

  /** Requests in progress. */
  inFlight(): number {
    return this.#inFlight;
  }

  async place({ userId, idempotencyKey: given, body, traceparent }: OrderRequest): Promise<OrderAccepted> {
    const { maxInFlight } = this.#parts;
    const order = normalOrder(body);
    const idempotencyKey = given ?? crypto.randomUUID();
    const orderId = orderIdOf(userId, idempotencyKey, canonicalOrder(order));
    const named = { userId, orderId, idempotencyKey };
    const asked = { ...named, order, repeatable: given !== null, sinceMs: performance.now(), traceparent };
    if (this.#inFlight >= maxInFlight) throw withKey(new StampedeError("OVERLOADED"), asked);
    this.#inFlight++;
    try {
      return await this.#earlierOrNew(asked);
    } catch (error) {
      throw withKey(error, asked);
    } finally {
      this.#inFlight--;
    }
  }

  async #earlierOrNew(asked: Asked): Promise<OrderAccepted> {
    try {
      return (asked.repeatable ? await this.#earlier(asked) : null) ?? (await this.#placeNew(asked));
    } catch (refusal) {
      return await this.#orFirstAnswer(asked, refusal);
    }
  }

  /**
   * The order that exists for this key and body; null: none. Redis knows it until PostgreSQL does.
   * @throws StampedeError IDEMPOTENCY_KEY_REUSED: the key was used with another body
   */
  async #earlier(asked: Asked): Promise<OrderAccepted | null> {
    const { placed, lookUp } = this.#parts;
    const { userId, orderId, idempotencyKey } = asked;
    const holder = await placed.orderOf(userId, idempotencyKey);
    if (holder === orderId) return await this.#repeated(asked, await placed.pending(userId, orderId));
    const known = await lookUp.askWithin(asked);
    // PostgreSQL decides: a Redis that lost the key may have accepted it for another order.
    if (known?.status && !known.keyReused) return this.#accepted(asked, known.status, "kafka", true);
    if (holder !== null || known?.keyReused) throw new StampedeError("IDEMPOTENCY_KEY_REUSED");
    return null;
  }

  /**
   * An order that was accepted before. If PostgreSQL does not have it, it may never have reached the log, so it is sent again.
   * @param stored what the ledger holds, read before PostgreSQL is asked; null: PostgreSQL has it
   */
  async #repeated(asked: Asked, stored: OrderCreated | null): Promise<OrderAccepted> {
    const { lookUp } = this.#parts;
    const known = await (stored === null ? lookUp.ask(asked) : lookUp.askWithin(asked, REPEAT_MS)).catch(
      (error: unknown) => {
        throw orderOutcomeUnknown(
          "the order was accepted before, but the database does not answer about its status",
          error,
        );
      },
    );
    if (known?.status || stored === null) return this.#accepted(asked, known?.status ?? "PENDING", "kafka", true);
    return this.#accepted(asked, "PENDING", await this.#publish(stored, asked.traceparent), true);
  }

  async #placeNew(asked: Asked): Promise<OrderAccepted> {
    const { admission, price, requireKafka, logIsLate, fault, onError } = this.#parts;
    // As for claims: an order that Kafka will not confirm is refused, and one request at a time tries whether Kafka confirms again.
    if (requireKafka && logIsLate() && this.#inFlight > 1) throw new StampedeError("KAFKA_UNAVAILABLE");
    for (let attempt = 1; ; attempt++) {
      const { created, cartVersion } = await price(asked);
      await this.#admit(created);
      const result = await this.#store(asked, created, cartVersion);
      if (result.code === "ACCEPTED") {
        fault("order:placed");
        const durable = await this.#publish(created, asked.traceparent);
        fault("order:produced");
        return this.#accepted(asked, "PENDING", durable, false);
      }
      if (result.code === "REPEATED") return await this.#repeated(asked, result.stored);
      // The loader releases the hold otherwise.
      if (created.data.flashItems.length > 0) await admission.release([asked.orderId]).catch(onError);
      if (result.code !== "CART_CHANGED" || attempt === CART_TRIES) throw new StampedeError(result.code);
    }
  }

  async #admit({ data: { orderId, userId, flashItems } }: OrderCreated): Promise<void> {
    if (flashItems.length === 0) return;
    const soldOut = await this.#parts.admission.take(orderId, userId, flashItems);
    if (soldOut !== null) throw new StampedeError("SOLD_OUT", undefined, { extra: { productId: soldOut } });
    this.#parts.fault("order:admitted");
  }

  /** @throws StampedeError OUTCOME_UNKNOWN: Redis may have stored it, and the relay would deliver it then */
  async #store(asked: Asked, created: OrderCreated, cartVersion: string): Promise<Placed> {
    if (performance.now() - asked.sinceMs > LOOK_UP_HOLDS_MS) {
      throw new StampedeError("OVERLOADED", "the gateway stood still; nothing was ordered");
    }
    return await this.#parts.placed.place(created, cartVersion).catch((error: unknown) => {
      // Redis is full: the script was refused before its first write.
      if (error instanceof StampedeError && error.code === "OVERLOADED") throw error;
      this.#parts.onError(error);
      throw orderOutcomeUnknown("Redis did not answer", error);
    });
  }

  #publish(created: OrderCreated, traceparent: string | undefined): Promise<Durability> {
    const { orderId } = created.data;
    const running = this.#delivering.get(orderId);
    if (running !== undefined) return running;
    const { deliver } = this.#parts;
    const started = deliver(recordOf(created), traceparent).finally(() => this.#delivering.delete(orderId));
    this.#delivering.set(orderId, started);
    return started;
  }

  #accepted({ orderId }: Asked, status: OrderStatus, durable: Durability, repeat: boolean): OrderAccepted {
    const { requireKafka, estimate } = this.#parts;
    if (requireKafka && durable !== "kafka") throw orderOutcomeUnknown("Kafka did not acknowledge the order in time");
    return {
      orderId,
      orderNumber: orderNumberOf(orderId),
      status,
      estimatedProcessingTime: SETTLED.has(status) ? 0 : estimate(),
      trackingUrl: `/orders/${orderId}`,
      durable,
      ...(repeat ? { repeat } : {}),
    };
  }

  /**
   * Between the lookup of an earlier order and the refusal, an equal request may have placed the order, which then emptied the
   * cart, used the coupon or took the last piece. Or the lookup got no answer. An order that PostgreSQL has was promised and
   * must not be refused.
   */
  async #orFirstAnswer(asked: Asked, refusal: unknown): Promise<OrderAccepted> {
    const final = refusal instanceof StampedeError && !refusal.retryable && refusal.code !== "IDEMPOTENCY_KEY_REUSED";
    if (!asked.repeatable || !final) throw refusal;
    // The database does not answer, which is logged already. The refusal is returned.
    const known = await this.#parts.lookUp.ask(asked).catch(() => null);
    if (!known?.status || known.keyReused) throw refusal;
    return this.#accepted(asked, known.status, "kafka", true);
  }
}

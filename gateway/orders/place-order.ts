import { StampedeError } from "../../contracts/errors.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import type { Fault } from "../../contracts/fault-points.ts";
import type { Durability } from "../../contracts/http.ts";
import type { OrderAccepted, PlaceOrder } from "../../contracts/http-orders.ts";
import type { UserId } from "../../contracts/ids.ts";
import { type Money, NOTHING } from "../../contracts/money.ts";
import type { OrderCreated } from "../../contracts/order-events.ts";
import { type OrderId, orderIdOf, orderNumberOf } from "../../contracts/order-ids.ts";
import { orderCreated } from "../../contracts/order-messages.ts";
import type { PaymentMethod, ProductQuantity } from "../../contracts/order-parts.ts";
import { canonicalOrder, mergeLines, normalOrder } from "../../contracts/order-request.ts";
import type { Admission } from "../../lua/admission.ts";
import type { PlacedOrders } from "../../lua/placed-orders.ts";
import type { RateLimit } from "../admission/token-bucket.ts";
import type { Offers } from "../catalogue/offers.ts";
import type { Deliver } from "../coupons/publish.ts";
import type { CouponTerms } from "./coupon-terms.ts";
import type { OrderExists } from "./order-exists.ts";
import { priceLines } from "./price.ts";

export interface PlacingParts {
  readonly placed: PlacedOrders;
  readonly admission: Pick<Admission, "take" | "release">;
  readonly offers: Offers;
  readonly couponTerms: CouponTerms;
  /** Asked only of a request that would be refused. */
  readonly orderExists: OrderExists;
  readonly findCart: (userId: UserId) => Promise<readonly ProductQuantity[]>;
  readonly deliver: Deliver;
  readonly rateLimit: RateLimit;
  readonly maxInFlight: number;
  /** 503 instead of `durable:"ledger"`. */
  readonly requireKafka: boolean;
  /** Where an order without an address goes. */
  readonly defaultCountry: string;
  readonly countriesServed: ReadonlySet<string>;
  /** What an order without `payment` is charged to; null: such an order is refused if it costs anything. */
  readonly defaultPaymentToken: string | null;
  readonly fault: Fault;
  readonly onError: (error: unknown) => void;
}

export interface OrderWish {
  readonly userId: UserId;
  /** null: the gateway makes one, so the request can't be repeated. */
  readonly idempotencyKey: string | null;
  readonly body: PlaceOrder;
  readonly traceparent: string | undefined;
}

/** @throws StampedeError with the code of every refusal */
export type PlaceOrderFor = (wish: OrderWish) => Promise<OrderAccepted>;

/** What the client is told to expect; most orders take a fraction of it. */
const ESTIMATED_S = 2;

/**
 * Of an order that names no payment and costs nothing: nobody is charged. The event keeps its member, because consumers of an
 * earlier release require it.
 */
const NO_PAYMENT: PaymentMethod = { token: "none" };

/** An order that is asked for: its id says who, under which key, and what. */
interface Asked {
  readonly userId: UserId;
  readonly orderId: OrderId;
  readonly idempotencyKey: string;
  /** Somebody else may ask the same: the client named the key. */
  readonly repeatable: boolean;
  readonly order: PlaceOrder;
}

/**
 * The door of orders (design 4.1). A repeat is answered before anything is looked at: prices, stock and coupons may have
 * changed since. Admission is taken before the order is stored, so a refusal has nothing to take back, and a gateway that
 * dies in between leaves a hold that the loader lets go; the hold is the order's own, so equal requests at once share it.
 */
export function createPlaceOrder(parts: PlacingParts): {
  readonly place: PlaceOrderFor;
  /** Requests at work. */
  readonly inFlight: () => number;
} {
  const { placed, admission, offers, couponTerms, findCart, deliver, rateLimit, requireKafka, fault, onError } = parts;
  /** Equal requests at once send one record. */
  const delivering = new Map<OrderId, Promise<Durability>>();
  let inFlight = 0;

  function publish(created: OrderCreated, traceparent: string | undefined): Promise<Durability> {
    const { orderId } = created.data;
    const running = delivering.get(orderId);
    if (running !== undefined) return running;
    const started = deliver(recordOf(created), traceparent).finally(() => delivering.delete(orderId));
    delivering.set(orderId, started);
    return started;
  }

  function accepted(orderId: OrderId, durable: Durability, repeat: boolean): OrderAccepted {
    if (requireKafka && durable !== "kafka") throw new StampedeError("KAFKA_UNAVAILABLE");
    return {
      orderId,
      orderNumber: orderNumberOf(orderId),
      status: "PENDING",
      estimatedProcessingTime: ESTIMATED_S,
      trackingUrl: `/orders/${orderId}`,
      durable,
      ...(repeat ? { repeat } : {}),
    };
  }

  /** The same answer again. What the ledger still holds may never have reached the log, so it is sent once more. */
  async function repeated(orderId: OrderId, stored: OrderCreated | null, traceparent: string | undefined) {
    // PostgreSQL has an order that the ledger gave up.
    return accepted(orderId, stored === null ? "kafka" : await publish(stored, traceparent), true);
  }

  async function price({ userId, orderId, idempotencyKey, order }: Asked): Promise<OrderCreated> {
    const shipping = order.shipping ?? { country: parts.defaultCountry };
    if (!parts.countriesServed.has(shipping.country)) {
      throw new StampedeError("SHIPPING_NOT_SERVED", `orders are not shipped to ${shipping.country}`);
    }
    const lines = order.items ?? mergeLines(await findCart(userId));
    if (lines.length === 0) throw new StampedeError("CART_EMPTY");
    const [known, terms] = await Promise.all([
      offers.of(lines.map(({ productId }) => productId)),
      order.couponId === undefined ? null : couponTerms(order.couponId, userId, orderId),
    ]);
    const priced = priceLines(lines, known, terms, order.pointsToUse ?? NOTHING);
    return orderCreated(
      {
        orderId,
        userId,
        orderNumber: orderNumberOf(orderId),
        idempotencyKey,
        source: order.from ?? "items",
        ...priced,
        couponId: order.couponId ?? null,
        payment: order.payment ?? paymentOf(priced.payableAmount),
        shipping,
      },
      Date.now(),
    );
  }

  /** Of an order that names none. */
  function paymentOf(payable: Money): PaymentMethod {
    if (parts.defaultPaymentToken !== null) return { token: parts.defaultPaymentToken };
    if (payable > 0) {
      throw new StampedeError("VALIDATION_FAILED", `payment: required, because ${payable} are left to pay`);
    }
    return NO_PAYMENT;
  }

  async function place(asked: Asked, traceparent: string | undefined): Promise<OrderAccepted> {
    const { userId, orderId, idempotencyKey } = asked;
    const earlier = await placed.orderOf(userId, idempotencyKey);
    if (earlier === orderId) return repeated(orderId, await placed.pending(userId, orderId), traceparent);
    if (earlier !== null) throw new StampedeError("IDEMPOTENCY_KEY_REUSED");
    const created = await price(asked);
    const { flashItems } = created.data;
    if (flashItems.length > 0) {
      const soldOut = await admission.take(orderId, userId, flashItems);
      if (soldOut !== null) throw new StampedeError("SOLD_OUT", undefined, { extra: { productId: soldOut } });
      fault("order:admitted");
    }
    const result = await placed.place(created);
    if (result.code === "IDEMPOTENCY_KEY_REUSED") {
      if (flashItems.length > 0) await admission.release([orderId]).catch(onError); // the loader lets it go as well
      throw new StampedeError("IDEMPOTENCY_KEY_REUSED");
    }
    if (result.code === "REPEATED") return repeated(orderId, result.stored, traceparent);
    fault("order:placed");
    const durable = await publish(created, traceparent);
    fault("order:produced");
    return accepted(orderId, durable, false);
  }

  /**
   * A Redis that lost the key judges a repeat anew, when its own order has emptied the cart, used the coupon or taken the
   * last piece. What PostgreSQL has was promised once, and stays promised.
   */
  async function orFirstAnswer({ orderId, repeatable }: Asked, refusal: unknown): Promise<OrderAccepted> {
    const final = refusal instanceof StampedeError && !refusal.retryable && refusal.code !== "IDEMPOTENCY_KEY_REUSED";
    if (!repeatable || !final) throw refusal;
    // A database that does not answer has been complained about; the refusal stands for lack of a better word.
    if (!(await parts.orderExists(orderId).catch(() => false))) throw refusal;
    return accepted(orderId, "kafka", true);
  }

  const placeFor: PlaceOrderFor = async ({ userId, idempotencyKey: given, body, traceparent }) => {
    const order = normalOrder(body);
    const idempotencyKey = given ?? crypto.randomUUID();
    const orderId = orderIdOf(userId, idempotencyKey, canonicalOrder(order));
    if (!rateLimit.allow(userId, performance.now())) throw new StampedeError("RATE_LIMITED");
    if (inFlight >= parts.maxInFlight) throw new StampedeError("OVERLOADED");
    inFlight++;
    try {
      const asked = { userId, orderId, idempotencyKey, repeatable: given !== null, order };
      return await place(asked, traceparent).catch((error) => orFirstAnswer(asked, error));
    } finally {
      inFlight--;
    }
  };
  return { place: placeFor, inFlight: () => inFlight };
}

import { oneBatchAtATime } from "../../contracts/async/per-turn.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Currency } from "../../contracts/wire/money.ts";
import { type CouponLookup, findHeldCoupons, type HeldCouponStatus } from "../../db/claims/find.ts";
import { findNumberedOrders, findOrder } from "../../db/orders/find.ts";
import { findCartToOrder, findKeyedOrders } from "../../db/orders/known.ts";
import { listOrders } from "../../db/orders/list.ts";
import { findSale } from "../../db/sales/list.ts";
import { KafkaError } from "../../kafka/kafka.ts";
import { createAdmission } from "../../lua/admission.ts";
import { createPlacedOrders, type PlacedOrders } from "../../lua/placed-orders.ts";
import { readSettleTimes } from "../../lua/settle-times.ts";
import { holdingOf } from "../../lua/win-state.ts";
import type { ClaimDomain } from "../claims/compose.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { Shop } from "../shop/compose.ts";
import { type Cancelling, cancelOrder } from "./cancel-order.ts";
import { createCouponTerms } from "./coupon-terms.ts";
import { createEstimate } from "./estimate.ts";
import { createFindOrder } from "./find-order.ts";
import { createLookUp } from "./known-orders.ts";
import { type ListOrders, listAllOrders, listMyOrders } from "./list-orders.ts";
import { type ObserveOrder, placeOrder } from "./order-route.ts";
import { createListOwnOrders } from "./own-orders.ts";
import { OrderDoor, type PlaceOrderFor } from "./place-order.ts";
import { createPriceOrder } from "./price-order.ts";
import { showOrder } from "./show-order.ts";

export interface OrderParts {
  readonly place: PlaceOrderFor;
  readonly cancelling: Cancelling;
  readonly list: ListOrders;
  readonly observe: ObserveOrder;
}

export interface Orders {
  readonly list: ListOrders;
  readonly endpoints: readonly Endpoint[];
}

export const orderEndpoints = ({ place, cancelling, list, observe }: OrderParts): Endpoint[] => [
  placeOrder(place, observe),
  showOrder(cancelling.find),
  cancelOrder(cancelling),
  listMyOrders(list),
  listAllOrders(list),
];

/** Coupons per statement; lookups that arrive during a statement go into the next one. */
const COUPONS_AT_ONCE = 500;

/** What an order costs: prices, coupon and points, fixed at the door. */
function priceOf(connections: GatewayConnections, config: GatewayConfig, shop: Shop, placed: PlacedOrders) {
  const { redis, sql, orm, guarded, onError } = connections;
  const heldCoupon = oneBatchAtATime<CouponLookup, HeldCouponStatus | null>(
    (asked) => findHeldCoupons(sql, asked),
    COUPONS_AT_ONCE,
  );
  return createPriceOrder({
    offers: shop.offers,
    defaultCountry: config.ORDER_COUNTRY,
    countriesServed: config.countriesServed,
    defaultPaymentToken: config.ORDER_DEFAULT_PAYMENT_TOKEN || null,
    pointsCurrency: config.POINTS_CURRENCY as Currency,
    cartOrders: placed.cartOrders,
    findCart: (userId, orders) => guarded(() => findCartToOrder(sql, userId, orders)),
    couponTerms: createCouponTerms({
      findSale: (couponId) => guarded(() => findSale(orm, couponId)),
      findHeld: (couponId, userId) => guarded(() => heldCoupon({ couponId, userId })),
      holding: (couponId, userId) => holdingOf(redis, couponId, userId),
      onError,
    }),
  });
}

function cancellingOf(connections: GatewayConnections, placed: PlacedOrders, ackMs: number): Cancelling {
  const { sql, producer, guarded, onError } = connections;
  return {
    find: createFindOrder({
      stored: (orderId) => guarded(() => findOrder(sql, orderId)),
      pending: placed.pending,
      pendingOfAnybody: placed.pendingOfAnybody,
      open: placed.open,
      numbered: (number) => guarded(() => findNumberedOrders(sql, number)),
    }),
    noteCancel: placed.noteCancel,
    async log(record) {
      try {
        await producer.send(record, { deadlineMs: ackMs });
      } catch (cause) {
        if (!(cause instanceof KafkaError && cause.retryable)) onError(cause);
        throw cause;
      }
    },
  };
}

/** The orders' door on Redis, Kafka and PostgreSQL. */
export function composeOrders(
  connections: GatewayConnections,
  config: GatewayConfig,
  metrics: GatewayMetrics,
  claims: ClaimDomain,
  shop: Shop,
): Orders {
  const { redis, sql, orm, guarded, fault, onError } = connections;
  const placed = createPlacedOrders(redis);
  const door = new OrderDoor({
    deliver: claims.deliver,
    logIsLate: () => claims.breaker.open,
    maxInFlight: config.MAX_IN_FLIGHT,
    requireKafka: config.CLAIM_REQUIRE_KAFKA,
    placed,
    admission: createAdmission(redis),
    price: priceOf(connections, config, shop, placed),
    lookUp: createLookUp((asked) => guarded(() => findKeyedOrders(sql, asked))),
    estimate: createEstimate(() => readSettleTimes(redis), onError),
    fault,
    onError,
  });
  metrics.gauge("stampede_orders_in_flight", "Orders that are not answered yet", () => door.inFlight());
  const listAll = (userId: UserId | null, cursor: string | null, limit: number) =>
    guarded(() => listOrders(orm, userId, cursor, limit));
  const listOwn = createListOwnOrders({ ...placed, stored: listAll, onError });
  const list: ListOrders = (userId, cursor, limit) =>
    userId === null ? listAll(null, cursor, limit) : listOwn(userId, cursor, limit);
  return {
    list,
    endpoints: orderEndpoints({
      place: (wish) => door.place(wish),
      // A cancellation waits for Kafka; there is no ledger to answer from.
      cancelling: cancellingOf(connections, placed, config.QUEUED_ACK_MS),
      list,
      observe: metrics.observeOrder,
    }),
  };
}

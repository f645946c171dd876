import { oneBatchAtATime } from "../../contracts/async/per-turn.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Currency } from "../../contracts/wire/money.ts";
import { type CouponLookup, findHeldCoupons, type HeldCouponStatus } from "../../db/claims/find.ts";
import type { Database } from "../../db/client.ts";
import { findNumberedOrders, findOrder } from "../../db/orders/find.ts";
import { findCartToOrder, findKeyedOrders } from "../../db/orders/known.ts";
import { listOrders } from "../../db/orders/list.ts";
import { findSale } from "../../db/sales/list.ts";
import { KafkaError, type Producer } from "../../kafka/kafka.ts";
import { createAdmission } from "../../lua/admission.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { readSettleTimes } from "../../lua/settle-times.ts";
import { holdingOf } from "../../lua/win-state.ts";
import type { RateLimit } from "../admission/token-bucket.ts";
import type { PublishRecord } from "../claims/publish.ts";
import type { databaseCalls } from "../database-errors.ts";
import type { Offers } from "../shop/offers.ts";
import { createCouponTerms } from "./coupon-terms.ts";
import type { OrderParts } from "./endpoints.ts";
import { createEstimate } from "./estimate.ts";
import { createFindOrder } from "./find-order.ts";
import { createLookUp } from "./known-orders.ts";
import { createListOwnOrders } from "./own-orders.ts";
import { OrderDoor } from "./place-order.ts";
import { createPriceOrder } from "./price-order.ts";

export interface OrderNeeds {
  readonly database: Database;
  readonly redis: RedisConnection;
  readonly producer: Pick<Producer, "send">;
  readonly deliver: PublishRecord;
  readonly logIsLate: () => boolean;
  readonly offers: Offers;
  readonly rateLimit: RateLimit;
  readonly maxInFlight: number;
  readonly requireKafka: boolean;
  readonly defaultCountry: string;
  readonly countriesServed: ReadonlySet<string>;
  readonly defaultPaymentToken: string | null;
  readonly pointsCurrency: Currency;
  /** How long a cancellation waits for Kafka; there is no ledger to answer from. */
  readonly cancelAckMs: number;
  readonly guarded: ReturnType<typeof databaseCalls>;
  readonly fault: Fault;
  readonly observe: OrderParts["observe"];
  readonly onError: (error: unknown) => void;
}

/** Coupons per statement; lookups that arrive during a statement go into the next one. */
const COUPONS_AT_ONCE = 500;

/** The routes of orders on Redis, Kafka and PostgreSQL. */
export function createOrderParts(needs: OrderNeeds): OrderParts & { readonly inFlight: () => number } {
  const { database, redis, producer, guarded, observe, onError } = needs;
  const { sql, orm } = database;
  const placed = createPlacedOrders(redis);
  const heldCoupon = oneBatchAtATime<CouponLookup, HeldCouponStatus | null>(
    (asked) => findHeldCoupons(sql, asked),
    COUPONS_AT_ONCE,
  );
  const find = createFindOrder({
    stored: (orderId) => guarded(() => findOrder(sql, orderId)),
    pending: placed.pending,
    pendingOfAnybody: placed.pendingOfAnybody,
    open: placed.open,
    numbered: (number) => guarded(() => findNumberedOrders(sql, number)),
  });
  const price = createPriceOrder({
    ...needs,
    cartOrders: placed.cartOrders,
    findCart: (userId, orders) => guarded(() => findCartToOrder(sql, userId, orders)),
    couponTerms: createCouponTerms({
      findSale: (couponId) => guarded(() => findSale(orm, couponId)),
      findHeld: (couponId, userId) => guarded(() => heldCoupon({ couponId, userId })),
      holding: (couponId, userId) => holdingOf(redis, couponId, userId),
      onError,
    }),
  });
  const door = new OrderDoor({
    ...needs,
    placed,
    admission: createAdmission(redis),
    price,
    lookUp: createLookUp((asked) => guarded(() => findKeyedOrders(sql, asked))),
    estimate: createEstimate(() => readSettleTimes(redis), onError),
  });
  const list = (userId: UserId | null, cursor: string | null, limit: number) =>
    guarded(() => listOrders(orm, userId, cursor, limit));
  const listOwn = createListOwnOrders({ ...placed, stored: list, onError });
  return {
    place: (wish) => door.place(wish),
    inFlight: () => door.inFlight(),
    observe,
    cancelling: {
      find,
      noteCancel: placed.noteCancel,
      async log(record) {
        try {
          await producer.send(record, { deadlineMs: needs.cancelAckMs });
        } catch (cause) {
          if (!(cause instanceof KafkaError && cause.retryable)) onError(cause);
          throw cause;
        }
      },
    },
    list: (userId, cursor, limit) => (userId === null ? list : listOwn)(userId as UserId, cursor, limit),
  };
}

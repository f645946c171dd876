import type { ShippingTerms } from "../../contracts/orders/shipping.ts";
import type { Step, StepGroup } from "../../contracts/orders/steps.ts";
import { createFault } from "../../contracts/wire/fault-points.ts";
import type { Database } from "../../db/client.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { holdingOf } from "../../lua/win-state.ts";
import { failureCode } from "../engine/failure.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import type { RoleName } from "../role-names.ts";
import { couponUsage } from "./coupon-usage.ts";
import { points } from "./points.ts";
import { type StepDeps, stepRole } from "./role.ts";
import { shipping } from "./shipping.ts";
import type { StepWork } from "./step-work.ts";
import { stock } from "./stock.ts";

export interface StepParts extends ConsumingParts {
  readonly config: ConsumingParts["config"] & { readonly NODE_ENV: string; readonly FAULT_POINT: string };
  readonly db: Pick<Database, "sql">;
  readonly metrics: ConsumingParts["metrics"] & { readonly orders: NonNullable<StepDeps["observe"]> };
}
export interface CouponUsageParts extends StepParts {
  readonly config: StepParts["config"] & { readonly SALE_KEEP_HOURS: number };
  readonly redis: RedisConnection;
}
export interface ShippingParts extends StepParts {
  readonly config: StepParts["config"] & { readonly delivery: ShippingTerms };
}

function startStep<S extends Step>(name: RoleName, work: StepWork<S>, parts: StepParts): RunningRole {
  const { db, producer, log, metrics, config } = parts;
  const fault = createFault(config.NODE_ENV, config.FAULT_POINT);
  const role = stepRole(name, work, { sql: db.sql, producer, log, fault, observe: metrics.orders });
  return startConsuming(name, role, parts);
}

const startStock = (parts: StepParts): RunningRole => startStep("stock", stock, parts);

const startPoints = (parts: StepParts): RunningRole => startStep("points", points, parts);

const startShipping = (parts: ShippingParts): RunningRole =>
  startStep("shipping", shipping(parts.config.delivery), parts);

/** Beside PostgreSQL it asks Redis about coupons that were won a moment ago and are not persisted yet. */
function startCouponUsage(parts: CouponUsageParts): RunningRole {
  const { db, redis, config, log } = parts;
  const work = couponUsage({
    sql: db.sql,
    holdingOf: (couponId, userId) => holdingOf(redis, couponId, userId),
    keepHours: config.SALE_KEEP_HOURS,
    onError: (message, error) => log.warn({ role: "coupon-usage", ...failureCode(error) }, message),
  });
  return startStep("coupon-usage", work, parts);
}

/** How the roles of the steps start. Payment is not here: it asks a provider, and stands in another folder. */
export const START_STEP: Readonly<
  Record<Exclude<StepGroup, "payment">, (parts: StepParts & CouponUsageParts & ShippingParts) => RunningRole>
> = {
  stock: startStock,
  "coupon-usage": startCouponUsage,
  points: startPoints,
  shipping: startShipping,
};

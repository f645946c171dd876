import { startAdmission } from "./admission/start.ts";
import { startCouponDecide } from "./claims/decide/start.ts";
import { startCouponPersist } from "./claims/persist/start.ts";
import { startRelay } from "./claims/relay/start.ts";
import { startDeadLetters } from "./dead-letters/start.ts";
import { startDelayedCommands } from "./delayed-commands/start.ts";
import type { RunningRole } from "./engine/running-role.ts";
import { startNotify } from "./notify/start.ts";
import { startOrderRelay } from "./order-relay/start.ts";
import { startSweeper } from "./order-sweeper/start.ts";
import { startPayment } from "./payment/start.ts";
import { startRetention } from "./retention/start.ts";
import type { RoleName } from "./role-names.ts";
import type { RoleParts } from "./role-parts.ts";
import { startOrderSaga } from "./saga/start.ts";
import { startLoader } from "./sales/start.ts";
import { START_STEP } from "./steps/start.ts";

/** How each role is started. CONTRIBUTING.md lists the files of a new role. */
const START: Readonly<Record<RoleName, (parts: RoleParts) => RunningRole>> = {
  "coupon-persist": startCouponPersist,
  "coupon-decide": startCouponDecide,
  "claim-relay": startRelay,
  "sale-loader": startLoader,
  "order-saga": startOrderSaga,
  "order-sweeper": startSweeper,
  ...START_STEP,
  "delayed-commands": startDelayedCommands,
  notify: startNotify,
  payment: startPayment,
  "order-relay": startOrderRelay,
  admission: startAdmission,
  "dead-letters": startDeadLetters,
  retention: (parts) => startRetention(parts),
};

/** Starts a role. It runs until it is stopped, whether or not the services that it needs answer. */
export const startRole = (name: RoleName, parts: RoleParts): RunningRole => START[name](parts);

import { STEP_GROUPS, type StepGroup } from "../contracts/orders/steps.ts";

/** All roles; a process runs every one of them unless it is configured otherwise. */
export const ROLE_NAMES = [
  "coupon-persist",
  "coupon-decide",
  "claim-relay",
  "sale-loader",
  "order-saga",
  "order-sweeper",
  ...(Object.values(STEP_GROUPS) as readonly StepGroup[]),
  "delayed-commands",
  "notify",
  "order-relay",
  "admission",
  "dead-letters",
  "retention",
] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

export const isRoleName = (text: string): text is RoleName => (ROLE_NAMES as readonly string[]).includes(text);

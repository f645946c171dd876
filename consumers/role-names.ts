/** All roles; a process runs every one of them unless it is configured otherwise. */
export const ROLE_NAMES = [
  "coupon-persist",
  "coupon-decide",
  "claim-relay",
  "sale-loader",
  "order-saga",
  "order-sweeper",
  "stock",
  "coupon-usage",
  "points",
  "shipping",
  "delayed-commands",
  "notify",
  "payment",
  "order-relay",
  "admission",
  "dead-letters",
  "retention",
] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

export const isRoleName = (text: string): text is RoleName => (ROLE_NAMES as readonly string[]).includes(text);

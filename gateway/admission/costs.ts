import type { CostClass } from "../http/declaration.ts";

/** Tokens that a call takes from the buckets of its user and its address. One is about what a claim costs the gateway. */
export const TOKENS: Readonly<Record<CostClass, number>> = { free: 0, read: 0.2, list: 0.5, write: 1, claim: 1 };

/** Tokens of what a socket's messages cause. A `resume` reads the inbox, and perhaps PostgreSQL: ten reads. */
export const SOCKET_TOKENS = { open: 0.2, auth: 0.2, subscribe: 0.2, resume: 2 } as const;

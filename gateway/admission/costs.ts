import type { CostClass } from "../http/declaration.ts";

/** Tokens that a call takes from the bucket of its user. One is about what a customer needs to do one thing. */
export const USER_TOKENS: Readonly<Record<CostClass, number>> = { free: 0, read: 0.2, list: 1, write: 1, claim: 1 };

/**
 * Tokens that a call takes from the bucket of its address. One is about what a claim costs the gateway (30 µs of its CPU); measured on the
 * same machine, reads of one row took 140 to 320 µs, pages of rows up to 1,600.
 */
export const ADDRESS_TOKENS: Readonly<Record<CostClass, number>> = { free: 0, read: 0.5, list: 4, write: 1, claim: 1 };

/**
 * Tokens of what a socket causes, from both buckets. Opening it: a handshake, a token to verify, a route and a place in the inbox in Redis. A `resume` reads
 * the inbox, and perhaps PostgreSQL: ten reads.
 */
export const SOCKET_TOKENS = { open: 1, auth: 0.2, subscribe: 0.2, resume: 2 } as const;

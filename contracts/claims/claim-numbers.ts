/** Slots and epochs are columns of PostgreSQL's type integer. */
export const MAX_INTEGER = 2_147_483_647;

/** Replaces a slot or an epoch that cannot be used. It is smaller than every valid one, so the claim is decided again. */
export const UNUSABLE = 0;

const isUsable = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INTEGER;

/** A claim's slot or epoch as read from Redis or the log. Another program may have overwritten a sale's keys. */
export const slotOrEpoch = (value: unknown): number => (isUsable(value) ? value : UNUSABLE);

/** The same check for an epoch in Redis, as text; claim.lua, fence.lua and the loader's look use the same rule. */
export const isEpochText = (text: string): boolean => /^[1-9]\d{0,9}$/.test(text) && isUsable(Number(text));

/**
 * PostgreSQL's epoch rises by one with each rebuild, and Redis' may be ahead of it only because PostgreSQL was restored from
 * a backup. Stampede never writes one that is further ahead; fence.lua and insert-claims.ts have the same limit.
 */
const MAX_LEAD = 1_000_000;

/** Whether `epoch` is too far ahead of the sale's `known` epoch to be valid. */
export const isFarAhead = (epoch: number, known: number): boolean => epoch > known + MAX_LEAD;

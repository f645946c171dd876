/** Slots and epochs are columns of PostgreSQL's type integer. */
export const MAX_INTEGER = 2_147_483_647;

/** In place of a slot or an epoch that cannot be used: smaller than any, so the claim is decided again. */
export const UNUSABLE = 0;

const isUsable = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INTEGER;

/** A claim's slot, or its epoch, as Redis or the log has it. Somebody may have written over a sale's keys. */
export const slotOrEpoch = (value: unknown): number => (isUsable(value) ? value : UNUSABLE);

/** The same of an epoch in Redis, as text: what claim.lua, fence.lua and the look take for one. */
export const isEpochText = (text: string): boolean => /^[1-9]\d{0,9}$/.test(text) && isUsable(Number(text));

/**
 * PostgreSQL's epoch rises by one with each rebuild, and Redis' may be ahead of it only because PostgreSQL was restored from
 * a backup. One that is further ahead was written by nobody of ours; fence.lua and insert-claims.ts have the same limit.
 */
const MAX_LEAD = 1_000_000;

/** Whether `epoch` is so far ahead of the sale's `known` one that it says nothing. */
export const isFarAhead = (epoch: number, known: number): boolean => epoch > known + MAX_LEAD;

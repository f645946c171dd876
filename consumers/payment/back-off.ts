/** A provider that is away for long is asked once a minute for each payment. */
const MAX_WAIT_MS = 60_000;
/** The longest wait that a provider may ask for; a Retry-After of a day must not delay an order that long. */
const MAX_RETRY_AFTER_MS = 300_000;

/** How long a payment waits after its n-th call that told nothing, milliseconds. @param firstMs after the first */
export const backOff = (attempts: number, firstMs: number): number =>
  Math.min(MAX_WAIT_MS, firstMs * 2 ** Math.min(attempts - 1, 20));

/** What the header Retry-After asks for, in seconds or as a date, milliseconds; 0: nothing, or it can't be read. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const text = header.trim();
  const ms = /^\d{1,12}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? 0 : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** A provider that is away for long is asked once a minute for each payment. */
const MAX_WAIT_MS = 60_000;

/** How long a payment waits after its n-th call that told nothing, milliseconds. @param firstMs after the first */
export const backOff = (attempts: number, firstMs: number): number =>
  Math.min(MAX_WAIT_MS, firstMs * 2 ** Math.min(attempts - 1, 20));

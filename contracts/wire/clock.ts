/** The first moment that an id can encode (contracts/wire/ids.ts). Stampede did not exist before it, so an earlier clock is wrong. */
export const FIRST_MOMENT_MS = Date.UTC(2025, 0, 1);

/**
 * Called when a process starts, because tokens, a sale's window and the times in ids depend on the wall clock. A machine whose
 * clock was never set shows 1970 or the year of its firmware.
 * @throws Error with a sentence for the operator
 */
export function requireSetClock(nowMs: number = Date.now()): void {
  if (nowMs >= FIRST_MOMENT_MS) return;
  throw new Error(
    `This machine's clock shows ${new Date(nowMs).toISOString()}, which is before 2025. ` +
      "Set it (NTP does, e.g. `timedatectl set-ntp true`), then start again.",
  );
}

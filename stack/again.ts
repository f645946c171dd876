/**
 * Asks until it works, for at most `forMs` and with `everyMs` between two tries.
 * @param isWorthIt whether this error may be gone the next time; default: every one may
 * @throws the last error
 */
export async function again<T>(
  ask: () => Promise<T>,
  {
    forMs,
    everyMs,
    isWorthIt = () => true,
  }: { forMs: number; everyMs: number; isWorthIt?: (error: unknown) => boolean },
): Promise<T> {
  for (const deadline = performance.now() + forMs; ; await Bun.sleep(everyMs)) {
    try {
      return await ask();
    } catch (error) {
      if (!isWorthIt(error) || performance.now() > deadline) throw error;
    }
  }
}

/**
 * Asks again and again until the answer is something other than false, null or undefined, and returns it.
 * @throws Error naming `what` and the last answer or error, after `timeoutMs`: as long as no machine needs that works, however
 * slow it is or whatever runs beside; what must be quick is proven otherwise
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 60_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (let last: unknown; ; ) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>;
      }
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`, { cause: last });
    await Bun.sleep(20);
  }
}

import { failureKind } from "./failure.ts";

/**
 * Works on all items together. If that fails for what one of them is (a permanent failure), the halves are worked on one after
 * the other, and their halves, until the item at fault is left alone.
 * @param failed decides about what cannot be divided: the item at fault, or all items if the failure is no item's fault
 * @returns one result for each part that was worked on, in the order of the items
 */
export async function bisect<T, R>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<R>,
  failed: (items: readonly T[], error: unknown) => R | Promise<R>,
): Promise<R[]> {
  try {
    return [await work(items)];
  } catch (error) {
    if (failureKind(error) !== "permanent" || items.length <= 1) return [await failed(items, error)];
    const middle = Math.ceil(items.length / 2);
    const first = await bisect(items.slice(0, middle), work, failed);
    return [...first, ...(await bisect(items.slice(middle), work, failed))];
  }
}

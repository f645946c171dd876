/**
 * One look for everybody who asks the same while it is under way: the visitors of a product's page come all at once when its
 * sale begins. Not for answers to a change: a look may have begun before it.
 */
export function sharedLook<Args extends readonly (string | number | null)[], T>(
  look: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const looking = new Map<string, Promise<T>>();
  return (...args) => {
    const key = JSON.stringify(args);
    let shared = looking.get(key);
    if (shared === undefined) {
      shared = look(...args).finally(() => looking.delete(key));
      looking.set(key, shared);
    }
    return shared;
  };
}

/** After so long a call is slow and gives up its place. */
const QUICK_MS = 1_000;
/** So many times the places may be at work in all, slow ones included. */
const CROWD = 4;

export interface Places {
  /** Calls that may begin now. */
  free(): number;
  busy(): number;
  /** Takes a place for as long as `work` lasts. */
  take(work: () => Promise<void>): void;
  /** Resolves when nobody works. */
  empty(): Promise<void>;
}

/**
 * Room for calls to the provider. A call that takes long gives its place to another one, so that a few slow cards don't
 * hold up the rest; when all together are four times the places, all wait.
 */
export function createPlaces(places: number, onFree: () => void): Places {
  const all = new Set<Promise<void>>();
  let quick = 0;
  return {
    free: () => Math.max(0, Math.min(places - quick, CROWD * places - all.size)),
    busy: () => all.size,
    take(work) {
      quick++;
      let isQuick = true;
      const leave = () => {
        if (isQuick) quick--;
        isQuick = false;
        onFree();
      };
      const timer = setTimeout(leave, QUICK_MS);
      const done = work().finally(() => {
        clearTimeout(timer);
        all.delete(done);
        leave();
      });
      all.add(done);
    },
    async empty() {
      while (all.size > 0) await Promise.allSettled(all);
    },
  };
}

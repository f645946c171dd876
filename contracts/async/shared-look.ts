// per-turn.ts says why this file is in contracts/.

interface Look<T> {
  readonly answer: Promise<T>;
  hasBegun: boolean;
}

export interface SharedLookOptions {
  /**
   * true: a caller that asks during a lookup shares its answer, which may have been read before the question. For answers that are
   * cached for seconds anyway. Default: the caller shares the next lookup, which begins when the running one has ended.
   */
  readonly joinRunning?: boolean;
}

/**
 * One lookup for all callers that ask the same before it begins, and at most one in progress per question: the visitors of a
 * product's page arrive together when its sale begins. A caller that asks during a lookup shares the next one, because the
 * running one may have read before a change that the caller knows of (an operator who has just paused the sale).
 */
export function sharedLook<Args extends readonly (string | number | null)[], T>(
  look: (...args: Args) => Promise<T>,
  { joinRunning = false }: SharedLookOptions = {},
): (...args: Args) => Promise<T> {
  const looks = new Map<string, Look<T>>();

  async function take(key: string, before: Look<T> | undefined, mine: () => Look<T>, args: Args): Promise<T> {
    await before?.answer.catch(() => {}); // the caller who asked for it gets the error
    mine().hasBegun = true;
    try {
      return await look(...args);
    } finally {
      if (looks.get(key) === mine()) looks.delete(key);
    }
  }

  return (...args) => {
    const key = JSON.stringify(args);
    const last = looks.get(key);
    if (last !== undefined && (joinRunning || !last.hasBegun)) return last.answer;
    const next: Look<T> = { answer: take(key, last, () => next, args), hasBegun: false };
    looks.set(key, next);
    return next.answer;
  };
}

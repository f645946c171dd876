interface Turn<T> {
  readonly answer: Promise<T>;
  hasBegun: boolean;
}

/**
 * One lookup for all callers that ask the same before it begins, and at most one in progress per question: the visitors of a
 * product's page arrive together when its sale begins. A caller that asks during a lookup shares the next one, because the
 * running one may have read before a change that the caller knows of (an operator who has just paused the sale).
 */
export function sharedLook<Args extends readonly (string | number | null)[], T>(
  look: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const turns = new Map<string, Turn<T>>();

  async function take(key: string, before: Turn<T> | undefined, turn: () => Turn<T>, args: Args): Promise<T> {
    await before?.answer.catch(() => {}); // the caller who asked for it gets the error
    turn().hasBegun = true;
    try {
      return await look(...args);
    } finally {
      if (turns.get(key) === turn()) turns.delete(key);
    }
  }

  return (...args) => {
    const key = JSON.stringify(args);
    const last = turns.get(key);
    if (last !== undefined && !last.hasBegun) return last.answer;
    const turn: Turn<T> = { answer: take(key, last, () => turn, args), hasBegun: false };
    turns.set(key, turn);
    return turn.answer;
  };
}

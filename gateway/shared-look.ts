interface Turn<T> {
  readonly answer: Promise<T>;
  hasBegun: boolean;
}

/**
 * One look for everybody who asks the same before it begins, and at most one at work for a question: the visitors of a
 * product's page come all at once when its sale begins. A caller who asks during a look shares the next one, not this one:
 * it may have read before a change that its asker knows of, an operator who just paused the sale, for one.
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

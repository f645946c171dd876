/**
 * Works on items in batches: each batch holds all items that came while the batch before was under way. A single item does not
 * wait, and many items need few transactions. If `work` rejects, every item of its batch gets the error.
 */
export function gather<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  maxBatch: number,
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      try {
        const results = await work(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, i) => void resolve(results[i]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // After this turn: answers that arrive together are one batch.
      if (!running) {
        running = true;
        queueMicrotask(() => void run());
      }
    });
}

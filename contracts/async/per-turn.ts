// Batches of what is asked for at the same time. `contracts/` is the only room that gateway, lua, db and consumers may all import,
// so the helpers for concurrent work that they share are in `contracts/async/`. They know no data and no service.

/**
 * Collects the entries of one event-loop turn and passes them to `work`, in their order, with one call per key. There is no timer,
 * so a single entry does not wait for others. No object is allocated per entry, because every claim passes here.
 * @param work must not throw: the exception would be uncaught
 * @param most the most entries in one call; the others of the turn go into further calls
 */
export function perTurn<Entry, Key = void>(
  work: (entries: readonly Entry[], key: Key) => void,
  most: number = Number.POSITIVE_INFINITY,
): (entry: Entry, key: Key) => void {
  const gathered = new Map<Key, Entry[]>();
  let scheduled = false;

  function flush(): void {
    scheduled = false;
    for (const [key, entries] of gathered) {
      gathered.delete(key); // first: what `work` adds is a new entry
      if (entries.length <= most) work(entries, key);
      else for (let start = 0; start < entries.length; start += most) work(entries.slice(start, start + most), key);
    }
  }

  return (entry, key) => {
    if (!scheduled) setImmediate(flush);
    scheduled = true;
    const entries = gathered.get(key);
    if (entries === undefined) gathered.set(key, [entry]);
    else entries.push(entry);
  };
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

type BatchWork<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Works on the items of one event-loop turn in one call. Batches of several turns may be in progress at once.
 * @param work returns one result per item, in the items' order. If it rejects, all callers of the batch get its error
 */
export function batchPerTurn<Item, Result>(work: BatchWork<Item, Result>): (item: Item) => Promise<Result> {
  const add = perTurn<Waiting<Item, Result>>((batch) => void settle(work, batch));
  return (item) => new Promise((resolve, reject) => add({ item, resolve, reject }));
}

/**
 * The same with at most one batch in progress. Items that come during a batch are the next batch, at most `most` of them: a single
 * item does not wait, and many items take few transactions.
 */
export function oneBatchAtATime<Item, Result>(
  work: BatchWork<Item, Result>,
  most: number,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let running = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) await settle(work, waiting.splice(0, most));
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (running) return;
      running = true;
      queueMicrotask(run); // after the caller's code, so that items that it asks for side by side are one batch
    });
}

/** Never rejects. */
async function settle<Item, Result>(
  work: BatchWork<Item, Result>,
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  try {
    const results = await work(batch.map(({ item }) => item));
    batch.forEach(({ resolve }, i) => void resolve(results[i]!));
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

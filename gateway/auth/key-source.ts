import { readFileSync, statSync } from "node:fs";
import { fetchJwks } from "./fetch-jwks.ts";
import { type KeySet, LARGEST_SET_BYTES, readJwks, type VerificationKey } from "./jwks.ts";

/** Keys that may change while the process runs. */
export interface KeySource {
  find(kid: string): VerificationKey | undefined;
  /** The last try to read the keys failed: a key that is not here may exist all the same. */
  readonly isFailing: boolean;
  /** Reads the keys again, if that may find a key that the source lacks now. undefined: it was done a moment ago. */
  refetch(): Promise<void> | undefined;
  stop(): void;
}

export interface KeyLog {
  /** The keys changed, or cannot be read. */
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What sources from a file and from a URL share: the keys in use, and how a new set replaces them. */
class KeysInUse {
  keys: ReadonlyMap<string, VerificationKey> = new Map();
  isFailing = false;
  #told = "";

  constructor(
    private readonly from: string,
    private readonly log: KeyLog,
  ) {}

  /** Keys that left the set are retired; those that stayed remain the same objects. */
  replace({ keys, faults }: KeySet): void {
    for (const [kid, key] of this.keys) if (keys.get(kid) !== key) key.isRetired = true;
    const changed = keys.size !== this.keys.size || [...keys].some(([kid, key]) => this.keys.get(kid) !== key);
    this.keys = keys;
    this.isFailing = false;
    if (changed) this.log.info({ from: this.from, keys: [...keys.keys()] }, "the keys of tokens changed");
    this.#tell(faults.join("; "), "keys of the set cannot be used");
  }

  /** The keys in use stay. Each cause is logged once, until another one follows or the keys are read again. */
  failed(error: unknown): void {
    this.isFailing = true;
    this.#tell(error instanceof Error ? error.message : String(error), "the keys cannot be read; earlier ones stay");
  }

  #tell(why: string, message: string): void {
    if (why !== "" && why !== this.#told) this.log.error({ from: this.from, why, keys: this.keys.size }, message);
    this.#told = why;
  }
}

const FILE_POLL_MS = 1_000;

/** As a text: another version of the file, or another file behind the link, has another one. */
function versionOf(file: string): string {
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
}

/** @throws Error if the file can't be read, or is larger than every set of keys */
function readText(file: string): string {
  if (statSync(file).size > LARGEST_SET_BYTES) throw new Error(`larger than ${LARGEST_SET_BYTES} bytes`);
  return readFileSync(file, "utf8");
}

/** @throws Error with every mistake in the set */
async function keysOfFile(text: string, before: ReadonlyMap<string, VerificationKey>): Promise<KeySet> {
  const set = await readJwks(text, true, before);
  if (set.faults.length > 0) throw new Error(set.faults.join("; ")); // the operator's own file: a mistake, not another's choice
  if (set.keys.size === 0) throw new Error("no key in it");
  return set;
}

/**
 * Keys of a file, which is read again within a second of a change. A changed file with a mistake is not used at all; the keys
 * before stay. @throws Error with what is wrong with the file, at the start
 */
export async function openFileKeys(variable: string, file: string, log: KeyLog): Promise<KeySource> {
  const inUse = new KeysInUse(file, log);
  let version = "";
  let isReading = false;
  /** undefined: the version that was read last. */
  function readIfNew(): string | undefined {
    const before = version;
    version = ""; // a file that can't be read is read again, although it does not change
    const found = versionOf(file);
    const text = found === before ? undefined : readText(file);
    version = found; // one with a mistake is not, until it changes
    return text;
  }
  async function read(): Promise<void> {
    const text = readIfNew();
    if (text !== undefined) inUse.replace(await keysOfFile(text, inUse.keys));
  }
  try {
    await read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The environment is not valid.\n  ${variable}=${file}: ${why}`);
  }
  const timer = setInterval(() => {
    if (isReading) return;
    isReading = true;
    read()
      .catch((error) => inUse.failed(error))
      .finally(() => {
        isReading = false;
      });
  }, FILE_POLL_MS);
  timer.unref();
  return {
    find: (kid) => inUse.keys.get(kid),
    get isFailing() {
      return inUse.isFailing;
    },
    refetch: () => undefined,
    stop: () => clearInterval(timer),
  };
}

export interface UrlKeyTimes {
  /** Between two fetches, seconds. */
  readonly refreshS: number;
  /** At least between a fetch and the next one that a token with an unknown `kid` causes, seconds. */
  readonly cooldownS: number;
}

/**
 * Keys of an issuer's URL. They are fetched at the start, again every `refreshS`, and for a token with an unknown `kid`, but then at
 * most once per `cooldownS`: tokens that somebody invents cannot make the gateway call the issuer. While the issuer does not
 * answer, or answers without a usable key, the keys before stay, and the fetch is repeated every `cooldownS`.
 */
export async function openUrlKeys(url: string, times: UrlKeyTimes, log: KeyLog): Promise<KeySource> {
  const inUse = new KeysInUse(url, log);
  let fetching: Promise<void> | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  async function read(): Promise<void> {
    try {
      const set = await readJwks(await fetchJwks(url), false, inUse.keys);
      if (set.keys.size === 0) throw new Error(["no usable key", ...set.faults].join("; "));
      inUse.replace(set);
    } catch (error) {
      inUse.failed(error);
    }
  }
  /** Equal wishes of one moment share a fetch. */
  function fetchNow(): Promise<void> {
    clearTimeout(timer);
    fetching ??= read().finally(() => {
      fetchedAt = performance.now();
      fetching = undefined;
      if (isStopped) return;
      timer = setTimeout(fetchNow, (inUse.isFailing ? times.cooldownS : times.refreshS) * 1_000);
      timer.unref();
    });
    return fetching;
  }
  await fetchNow();
  return {
    find: (kid) => inUse.keys.get(kid),
    get isFailing() {
      return inUse.isFailing;
    },
    refetch() {
      if (fetching !== undefined) return fetching;
      return performance.now() - fetchedAt < times.cooldownS * 1_000 ? undefined : fetchNow();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

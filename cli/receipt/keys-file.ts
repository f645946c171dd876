import { readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  newReceiptKey,
  parseReceiptKeys,
  type ReceiptKey,
  type StoredReceiptKey,
} from "../../contracts/claims/receipt-keys.ts";
import { CliError } from "../../stack/errors.ts";

/** Caches keep the published keys for five minutes, and gateways are restarted one after the other meanwhile. */
const PUBLISHED_BEFORE_MS = 10 * 60_000;

const DAY_MS = 86_400_000;
/** `now` on the command line was read this long ago, at most. */
const NOW_MS = 60_000;

interface KeysFile {
  /** As they stand in the file, in its order. */
  readonly stored: readonly StoredReceiptKey[];
  readonly keys: readonly ReceiptKey[];
}

/** null: there is no such file. @throws CliError that names the file and says what is wrong with it, without secrets */
function readKeysFile(file: string): KeysFile | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw new CliError(`${file} can't be read (${code ?? "not a file"})`);
  }
  try {
    return { keys: parseReceiptKeys(text), stored: (JSON.parse(text) as { keys: StoredReceiptKey[] }).keys };
  } catch (error) {
    throw new CliError(`${file} is no file of keys: ${(error as Error).message}`);
  }
}

/** Replaces the file in one step, so that a gateway that starts meanwhile reads the old or the new one. */
function writeKeysFile(file: string, keys: readonly StoredReceiptKey[]): void {
  const written = `${file}.${process.pid}`;
  writeFileSync(written, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(written, file);
}

export interface KeyWish {
  /** Default: the day from which it signs. */
  readonly id?: string | undefined;
  /** Default: now for the first key of a file, in a day for each further one. */
  readonly notBefore?: Date | undefined;
}

export interface AddedKey {
  readonly id: string;
  readonly notBefore: Date;
  /** false: a verifier may see receipts of the key before it sees the key. */
  readonly isPublishedInTime: boolean;
}

/** A name that no key has: the day, or the day and a number. */
function freeName(notBefore: Date, keys: readonly ReceiptKey[]): string {
  const day = notBefore.toISOString().slice(0, 10);
  for (let n = 1; ; n++) {
    const name = n === 1 ? day : `${day}-${n}`;
    if (!keys.some(({ id }) => id === name)) return name;
  }
}

/** Adds a new key to the file, or makes the file. @throws CliError */
export function addReceiptKey(file: string, wish: KeyWish, nowMs: number): AddedKey {
  const existing = readKeysFile(file);
  const { keys, stored } = existing ?? { keys: [], stored: [] };
  const wished = wish.notBefore?.getTime() ?? (existing === null ? nowMs : nowMs + DAY_MS);
  if (existing !== null && wished < nowMs - NOW_MS) {
    throw new CliError(
      "--not-before lies in the past: claims since then have receipts of another key, and would get new ones",
    );
  }
  const notBefore = new Date(existing === null ? wished : Math.max(wished, nowMs));
  const id = wish.id ?? freeName(notBefore, keys);
  const all = [...stored, newReceiptKey(id, notBefore)];
  try {
    parseReceiptKeys(JSON.stringify({ keys: all }));
  } catch (error) {
    throw new CliError(`the key can't be added: ${(error as Error).message}`);
  }
  writeKeysFile(file, all);
  const isPublishedInTime = existing === null || notBefore.getTime() >= nowMs + PUBLISHED_BEFORE_MS;
  return { id, notBefore, isPublishedInTime };
}

/** Deletes the private part of a key that signs no more. @throws CliError also if the key still signs, or will */
export function retireReceiptKey(file: string, id: string, nowMs: number): void {
  const existing = readKeysFile(file);
  if (existing === null) throw new CliError(`there is no ${file}`);
  const { keys, stored } = existing;
  const key = keys.find((one) => one.id === id);
  if (key === undefined) throw new CliError(`${file} has no key ${id}; it has ${keys.map((one) => one.id).join(", ")}`);
  const current = keys.findLast(({ notBefore }) => notBefore <= nowMs);
  if (current === undefined || key.notBefore >= current.notBefore) {
    throw new CliError(`key ${id} signs now or later: add another key first (./dev receipt key ${file})`);
  }
  writeKeysFile(
    file,
    stored.map((one) => {
      if (one.kid !== id) return one;
      const { d: _, ...publicPart } = one;
      return publicPart;
    }),
  );
}

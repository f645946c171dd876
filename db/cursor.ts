import { StampedeError } from "../contracts/wire/errors.ts";

/** The last instant that PostgreSQL's and JavaScript's texts of a time agree on; rows are never created outside of 1970 to then. */
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LATEST_MS;
const isSerial = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

/** How one list writes and reads its cursors. `Key`: what its rows are sorted by. */
export interface CursorCodec<Key extends readonly (string | number)[]> {
  encode(...key: Key): string;
  /** @throws StampedeError VALIDATION_FAILED for every text that `encode` of this list did not make */
  decode(cursor: string): Key;
}

/**
 * Page cursors: the list's name and the sort key of a page's last row, base64url so that clients do not depend on its content. A
 * keyset keeps a page stable while rows are added in front of it, and page 1,000 costs what page 1 costs; OFFSET does neither.
 * The name keeps a cursor of one list from being a place in another; the key's parts are checked, because what PostgreSQL
 * can't read would be a 500.
 */
function cursors<Key extends readonly (string | number)[]>(
  list: string,
  isPart: readonly ((value: unknown) => boolean)[],
): CursorCodec<Key> {
  const write = (parts: readonly unknown[]) => Buffer.from(JSON.stringify([list, ...parts])).toString("base64url");
  return {
    encode: (...key) => write(key),
    decode(cursor) {
      const key = partsOf(cursor, list);
      // Written again it must be the same text: base64url and JSON have many spellings, a cursor has one.
      if (key?.length === isPart.length && isPart.every((is, i) => is(key[i])) && write(key) === cursor) {
        return key as unknown as Key;
      }
      throw new StampedeError("VALIDATION_FAILED", "cursor: not a cursor of this list");
    },
  };
}

function partsOf(cursor: string, list: string): readonly unknown[] | null {
  try {
    const [name, ...key] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return name === list ? key : null;
  } catch {
    return null; // not JSON, or no list: no cursor of ours
  }
}

/** Of a list by a table's own number. */
export const serialCursors = (list: string): CursorCodec<[id: number]> => cursors(list, [isSerial]);

/** Of a list by time (milliseconds), and by id among rows of the same millisecond. */
export const timeCursors = (list: string, id: RegExp): CursorCodec<[atMs: number, id: string]> =>
  cursors(list, [isTime, (value) => typeof value === "string" && id.test(value)]);

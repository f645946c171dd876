import { StampedeError } from "../../contracts/errors.ts";

/**
 * Page cursors: the sort key of a page's last row, base64url so that nobody builds a meaning on it. A keyset keeps a page
 * stable while rows are added in front of it, and page 1,000 costs what page 1 costs; OFFSET does neither.
 */
export function encodeCursor(...key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** @throws StampedeError VALIDATION_FAILED for what `encodeCursor` did not make */
export function decodeCursor<Key extends readonly (string | number)[]>(
  cursor: string,
  isKey: (key: readonly unknown[]) => boolean,
): Key {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(key) && isKey(key)) return key as unknown as Key;
  } catch {
    // Not JSON: refused like every other foreign text.
  }
  throw new StampedeError("VALIDATION_FAILED", "cursor: not a cursor of this list");
}

import type { Executor } from "./client.ts";

/**
 * A PostgreSQL array literal of ids, for `${textArray(ids)}::text[]` in front of unnest.
 * The driver's own serializer escapes every element with two regular expressions; ids hold neither quotes nor
 * backslashes (contracts/wire/ids.ts), so one search over the whole text is enough.
 */
export function textArray(values: readonly string[]): string {
  if (values.length === 0) return "{}";
  const joined = `{"${values.join('","')}"}`;
  // Each value adds one `","`; any other quote, or a backslash, came from a value.
  if (joined.indexOf("\\") !== -1 || values.some((value) => value.indexOf('"') !== -1)) {
    return `{${values.map((value) => `"${value.replace(/(["\\])/g, "\\$1")}"`).join(",")}}`;
  }
  return joined;
}

/** The same for integers. */
export function intArray(values: readonly number[]): string {
  return `{${values.join(",")}}`;
}

/**
 * Values as JSON texts, for `${jsonTexts(tx, values)}` wherever a text[] may stand. One text with U+001E ("record separator") between
 * them, which JSON escapes wherever it occurs: in an array literal every quotation mark would be escaped, and unescaped again.
 */
export const jsonTexts = (tx: Executor, values: readonly unknown[]) =>
  tx`string_to_array(${values.map((value) => JSON.stringify(value)).join("\x1e")}, E'\\x1e')`;

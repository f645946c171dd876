import { TAG_LENGTH } from "./server-tag.ts";
import { compareIds, idTime } from "./stream-ids.ts";

/**
 * A position in a user's inbox, as clients keep it. Either of an entry, `<streamId>.<tag>`: everything up to it was
 * seen, and as long as the entry is there, nothing behind it was trimmed. Or of an inbox that was empty at a time,
 * `<milliseconds>-0.<tag><generation>`: everything that the inbox holds is new. `tag` is of the server that gave it.
 */
export type InboxPosition =
  | { readonly kind: "entry"; readonly id: string; readonly tag: string }
  | { readonly kind: "empty"; readonly atMs: number; readonly tag: string; readonly generation: string };

/** Characters of a generation: another one when Redis lost its keys without a restart. */
export const GENERATION_LENGTH = 8;

/** The position of an entry. */
export function formatCursor(id: string, tag: string): string {
  return `${id}.${tag}`;
}

/** The position of an inbox that holds nothing at `atMs` (Redis' clock). */
export function formatEmpty(atMs: number, tag: string, generation: string): string {
  return `${atMs}-0.${tag}${generation}`;
}

/** null for text that is not a cursor of ours (clients may send anything). */
export function parseCursor(text: string): InboxPosition | null {
  const match = /^(\d{1,16}-\d{1,16})\.([0-9a-z]{1,16})$/.exec(text);
  if (!match) return null;
  const [id, tag] = [match[1]!, match[2]!];
  if (tag.length === TAG_LENGTH) return { kind: "entry", id, tag };
  if (tag.length !== TAG_LENGTH + GENERATION_LENGTH) return null;
  return { kind: "empty", atMs: idTime(id), tag: tag.slice(0, TAG_LENGTH), generation: tag.slice(TAG_LENGTH) };
}

/** Where a pushed message stands to what a socket has been sent, all up to `position` and nothing beyond it. */
export type Place = "next" | "old" | "gap";

/**
 * @param previous the cursor of the message before it; empty: it is its inbox's first; undefined: not known
 * `gap`: something may lie between. Also whenever the two can't be compared: another server, another beginning.
 */
export function placeOf(position: string, cursor: string, previous: string | undefined): Place {
  if (previous === position) return "next";
  const [known, pushed] = [parseCursor(position), parseCursor(cursor)];
  if (known === null || pushed === null || pushed.kind !== "entry" || known.tag !== pushed.tag) return "gap";
  if (known.kind === "empty") return previous === "" ? "next" : "gap";
  // The inbox began anew: its ids may even lie before those of the one that was lost, if the clock was set back.
  if (previous === "" && pushed.id !== known.id) return "gap";
  return compareIds(pushed.id, known.id) <= 0 ? "old" : "gap";
}

/** Whether both positions are of the same run of the same server. */
export function isSameServer(a: string, b: string): boolean {
  const [one, other] = [parseCursor(a), parseCursor(b)];
  return one !== null && other !== null && one.tag === other.tag;
}

/** Whether an entry lies behind `after`, and not behind `upTo`. */
export function isBetween(after: string, cursor: string, upTo: string): boolean {
  const [from, entry, to] = [parseCursor(after), parseCursor(cursor), parseCursor(upTo)];
  if (from === null || entry?.kind !== "entry" || to?.kind !== "entry") return false;
  if (from.tag !== entry.tag || to.tag !== entry.tag || compareIds(entry.id, to.id) > 0) return false;
  return from.kind === "empty" || compareIds(entry.id, from.id) > 0;
}

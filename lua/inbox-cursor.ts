import { TAG_LENGTH } from "./server-tag.ts";
import { compareIds, idTime } from "./stream-ids.ts";

/**
 * A position in a user's inbox, as clients keep it. Either the position of an entry, `<streamId>.<tag>`: everything up to it was
 * seen, and while the entry exists, nothing after it was trimmed. Or the position of an inbox that was empty at a time,
 * `<milliseconds>-0.<tag><generation>`: everything that the inbox holds is new. `tag` is the tag of the server that made it.
 */
export type InboxPosition =
  | { readonly kind: "entry"; readonly id: string; readonly tag: string }
  | { readonly kind: "empty"; readonly atMs: number; readonly tag: string; readonly generation: string };

/** Characters of a generation. The generation changes when Redis loses its keys without a restart. */
export const GENERATION_LENGTH = 8;

/** The position of an entry. */
export function formatCursor(id: string, tag: string): string {
  return `${id}.${tag}`;
}

/** The position of an inbox that holds nothing at `atMs` (Redis' clock). */
export function formatEmpty(atMs: number, tag: string, generation: string): string {
  return `${atMs}-0.${tag}${generation}`;
}

/** null: the text is no cursor (clients may send anything). */
export function parseCursor(text: string): InboxPosition | null {
  const match = /^(\d{1,16}-\d{1,16})\.([0-9a-z]{1,16})$/.exec(text);
  if (!match) return null;
  const [id, tag] = [match[1]!, match[2]!];
  if (tag.length === TAG_LENGTH) return { kind: "entry", id, tag };
  if (tag.length !== TAG_LENGTH + GENERATION_LENGTH) return null;
  return { kind: "empty", atMs: idTime(id), tag: tag.slice(0, TAG_LENGTH), generation: tag.slice(TAG_LENGTH) };
}

/** Compares a pushed message with a socket that was sent everything up to `position` and nothing after it. */
export type Place = "next" | "old" | "gap";

/**
 * @param previous the cursor of the message before it; empty: it is the first of its inbox; undefined: not known
 * @returns `gap`: there may be messages in between, or the two cannot be compared (another server, an inbox that began again)
 */
export function placeOf(position: string, cursor: string, previous: string | undefined): Place {
  if (previous === position) return "next";
  const [known, pushed] = [parseCursor(position), parseCursor(cursor)];
  if (known === null || pushed === null || pushed.kind !== "entry" || known.tag !== pushed.tag) return "gap";
  if (known.kind === "empty") return previous === "" ? "next" : "gap";
  // The inbox began again. If the clock was set back, its ids may even be lower than those of the lost inbox.
  if (previous === "" && pushed.id !== known.id) return "gap";
  return compareIds(pushed.id, known.id) <= 0 ? "old" : "gap";
}

/** Whether both positions are of the same run of the same server. */
export function isSameServer(a: string, b: string): boolean {
  const [one, other] = [parseCursor(a), parseCursor(b)];
  return one !== null && other !== null && one.tag === other.tag;
}

/** Whether an entry is after `after`, and not after `upTo`. */
export function isBetween(after: string, cursor: string, upTo: string): boolean {
  const [from, entry, to] = [parseCursor(after), parseCursor(cursor), parseCursor(upTo)];
  if (from === null || entry?.kind !== "entry" || to?.kind !== "entry") return false;
  if (from.tag !== entry.tag || to.tag !== entry.tag || compareIds(entry.id, to.id) > 0) return false;
  return from.kind === "empty" || compareIds(entry.id, from.id) > 0;
}

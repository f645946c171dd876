/** A position in a user's inbox: a stream id, and the tag of the servers that gave it. */
export interface InboxPosition {
  /** `milliseconds-number` */
  readonly id: string;
  readonly tag: string;
}

/** `<streamId>.<tag>` */
export function formatCursor(id: string, tag: string): string {
  return `${id}.${tag}`;
}

/** null for text that is not a cursor of ours (clients may send anything). */
export function parseCursor(text: string): InboxPosition | null {
  const match = /^(\d{1,16}-\d{1,16})\.([0-9a-z]{1,16})$/.exec(text);
  return match ? { id: match[1]!, tag: match[2]! } : null;
}

/** Milliseconds since 1970, by the clock of the Redis that gave the id. */
export function idTime(id: string): number {
  return Number.parseInt(id, 10);
}

/** A position in an empty inbox: what is written at `ms` or later lies behind it. */
export function idBefore(ms: number): string {
  return `${ms - 1}-0`;
}

import { isAfter } from "./cursor-order.ts";

/** How far apart pushes of one user may overtake each other and still be told apart from repeats. */
const RECENT = 32;

/**
 * What of a user's inbox one socket has been sent. The same message may come twice (a push and a resume), and two notify
 * processes may push a user's messages in the wrong order; each must be sent once, and none be taken for old.
 */
export class Position {
  /** Everything up to here was sent, or lies before the client's own position. null: nothing was. */
  private floor: string | null;
  /** Sent beyond the floor, oldest first. */
  private recent: string[] | null = null;
  /** The newest that was sent: where the client continues. Empty only before the first message of all. */
  last: string;

  constructor(floor: string | null) {
    this.floor = floor;
    this.last = floor ?? "";
  }

  /** Takes a message's cursor. false: it was sent before. */
  take(cursor: string): boolean {
    if (this.floor !== null && !isAfter(cursor, this.floor)) return false;
    this.recent ??= [];
    if (this.recent.includes(cursor)) return false;
    let at = this.recent.length;
    while (at > 0 && isAfter(this.recent[at - 1]!, cursor)) at--;
    this.recent.splice(at, 0, cursor);
    if (this.recent.length > RECENT) this.floor = this.recent.shift()!;
    this.last = this.recent.at(-1)!;
    return true;
  }
}

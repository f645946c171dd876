import type { OrderId } from "../contracts/orders/ids.ts";
import { StampedeError } from "../contracts/wire/errors.ts";
import type { UserId } from "../contracts/wire/ids.ts";
import appendText from "./inbox-append.lua" with { type: "text" };
import { type InboxPage, InboxReader } from "./inbox-reader.ts";
import { userKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { redisFailure } from "./redis-failure.ts";
import { ServerTag } from "./server-tag.ts";

/** A message to be written. */
export interface NewMessage {
  readonly json: string;
  /** The same event is written once, however often it is appended. */
  readonly eventId: string;
  /** Milliseconds since 1970: the event was not written before. */
  readonly since: number;
  /** Of a stage of an order: it is not written after a later one. */
  readonly order?: { readonly orderId: OrderId; readonly sequence: number };
}

export interface InboxItem {
  readonly userId: UserId;
  readonly messages: readonly NewMessage[];
}

/** Where a message stands in the inbox. */
export interface InboxPlace {
  readonly cursor: string;
  /** The cursor of the message before it; empty: it is the first. Absent: it was written by an earlier call. */
  readonly previous?: string;
}

export interface Appended {
  /** One per message, in order. null: a later stage of the same order stands there already. */
  readonly written: readonly (InboxPlace | null)[];
  /** connectionId → gatewayId: where the user's sockets were after the messages had been written. */
  readonly routes: ReadonlyMap<string, string>;
}

/** Personal messages, kept 24 hours after the last one, about the newest 200. */
export interface Inbox {
  /** @throws StampedeError */
  append(userId: UserId, messages: readonly NewMessage[]): Promise<Appended>;
  /** Many users in a few calls. One result per item, in order. A user that is named twice gets the messages in order too. */
  appendAll(items: readonly InboxItem[]): Promise<(Appended | StampedeError)[]>;
  /**
   * Messages after `cursor`, oldest first; null: from the beginning. `lost`: messages after the cursor may be gone, or
   * it is no cursor of this inbox (trimmed, expired, flushed, Redis restarted, another user's, from the future). Then there
   * are no messages, and reading continues at `cursor`: the newest, or the beginning if everything in the inbox is new.
   * @throws StampedeError
   */
  read(userId: UserId, cursor: string | null, limit: number): Promise<InboxPage>;
  /** The position at a moment of `performance.now()`, or shortly before: later messages are after it. @throws StampedeError */
  positionAt(userId: UserId, moment: number): Promise<string>;
}

export const INBOX_TTL_S = 24 * 3600;
const INBOX_LENGTH = 200;
/** Users per call: long enough that the call's own cost is small, short enough that claims hardly wait (about 1 ms). */
const USERS_PER_CALL = 64;
/** The cost, in users, of a user whose whole inbox may have to be searched (0.5 ms), because the event is old. */
const WEIGHT_OF_OLD = 16;
const OLD_MS = 60_000;
/** Milliseconds by which the clocks that date events may be ahead of Redis' clock. */
const CLOCKS_MS = 5_000;

export function createInbox(redis: RedisConnection): Inbox {
  const script = new PortableScript(appendText);
  const tag = new ServerTag(redis);
  const reader = new InboxReader(redis, tag, INBOX_TTL_S * 1_000);

  async function appendChunk(items: readonly InboxItem[]): Promise<(Appended | StampedeError)[]> {
    const keys: string[] = [];
    const args = [String(INBOX_TTL_S), String(INBOX_LENGTH)];
    for (const { userId, messages } of items) {
      const { inbox, route } = userKeys(userId);
      keys.push(inbox, route);
      args.push(String(messages.length), String(Math.max(0, Math.floor(sinceOf(messages) - CLOCKS_MS))));
      for (const { json, eventId, order } of messages) {
        args.push(json, eventId, order?.orderId ?? "", String(order?.sequence ?? 0));
      }
    }
    const replies = (await script.run(redis, keys, args)) as string[][];
    const suffix = await tag.current();
    return replies.map((reply) => parseAppended(reply, suffix));
  }

  async function appendAll(items: readonly InboxItem[]): Promise<(Appended | StampedeError)[]> {
    // On a cluster users are on different nodes, but a script's keys must be on one: one call per user, all sent in one turn.
    const calls = chunksOf(items, redis.isCluster ? 1 : USERS_PER_CALL).map((chunk) =>
      appendChunk(chunk).catch((error: unknown) => {
        const failure = redisFailure(error);
        return chunk.map(() => failure);
      }),
    );
    return (await Promise.all(calls)).flat();
  }

  return {
    async append(userId, messages) {
      const [appended] = await appendAll([{ userId, messages }]);
      if (appended instanceof StampedeError) throw appended;
      return appended!;
    },
    appendAll,
    read: (userId, cursor, limit) => reader.read(userKeys(userId).inbox, cursor, limit),
    positionAt: (userId, moment) => reader.positionAt(userKeys(userId).inbox, moment),
  };
}

/** The oldest event's time. */
const sinceOf = (messages: readonly NewMessage[]): number =>
  messages.reduce((oldest, { since }) => Math.min(oldest, since), Date.now());

/** Consecutive items that go into one call. */
function chunksOf(items: readonly InboxItem[], capacity: number): InboxItem[][] {
  const chunks: InboxItem[][] = [];
  const oldBefore = Date.now() - OLD_MS;
  let room = 0;
  for (const item of items) {
    const weight = sinceOf(item.messages) < oldBefore ? WEIGHT_OF_OLD : 1;
    if (chunks.length === 0 || weight > room) {
      chunks.push([]);
      room = capacity;
    }
    chunks.at(-1)!.push(item);
    room -= weight;
  }
  return chunks;
}

/** A reply of inbox-append.lua. */
function parseAppended(reply: readonly string[], tag: string): Appended | StampedeError {
  const [failure, newest, ids, ...words] = reply;
  if (failure !== "") {
    const error = new Error(failure);
    error.name = "ReplyError"; // as if the user's own command had been refused
    return redisFailure(error);
  }
  let previous = newest === "" ? "" : `${newest}.${tag}`;
  const written = (ids === "" ? [] : ids!.split(" ")).map((id): InboxPlace | null => {
    if (id === "-") return null;
    if (id.startsWith("=")) return { cursor: `${id.slice(1)}.${tag}` };
    const one = { cursor: `${id}.${tag}`, previous };
    previous = one.cursor;
    return one;
  });
  const routes = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) routes.set(words[i]!, words[i + 1]!);
  return { written, routes };
}

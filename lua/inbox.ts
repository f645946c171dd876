import type { UserId } from "../contracts/ids.ts";
import { commandAt } from "./commands.ts";
import appendText from "./inbox-append.lua" with { type: "text" };
import { formatCursor, idBefore, idTime, parseCursor } from "./inbox-cursor.ts";
import { userKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { redisFailure, rethrow } from "./redis-failure.ts";
import { PortableScript } from "./script.ts";
import { ServerTag } from "./server-tag.ts";

/** A message as it is kept: without the cursor, which is added on the way out. */
export interface InboxMessage {
  readonly cursor: string;
  readonly json: string;
}

export interface Appended {
  /** One per message, in order. */
  readonly cursors: readonly string[];
  /** connectionId → gatewayId: where the user's sockets were after the messages had been written. */
  readonly routes: ReadonlyMap<string, string>;
}

export interface InboxItem {
  readonly userId: UserId;
  readonly messages: readonly string[];
}

/** Personal messages, kept 24 hours after the last one, about the newest 200. All reject with StampedeError. */
export interface Inbox {
  append(userId: UserId, messages: readonly string[]): Promise<Appended>;
  /** Many users in a few calls; results in order. A user named twice gets the messages in order too. */
  appendAll(items: readonly InboxItem[]): Promise<Appended[]>;
  /**
   * Messages after `cursor`, oldest first; null: from the beginning. `lost`: the inbox does not reach back to the cursor
   * (trimmed, expired, Redis restarted, or no cursor of ours), then there are no messages and `cursor` is the newest.
   */
  read(
    userId: UserId,
    cursor: string | null,
    limit: number,
  ): Promise<{ readonly lost: boolean; readonly messages: readonly InboxMessage[]; readonly cursor: string }>;
  /** The newest position; everything that is written afterwards lies behind it. */
  tail(userId: UserId): Promise<string>;
}

export const INBOX_TTL_S = 24 * 3600;
const INBOX_LENGTH = 200;
/** Users per call: long enough that the call's own cost is small, short enough that claims hardly wait (0.3 ms). */
const USERS_PER_CALL = 64;

export function createInbox(redis: RedisConnection): Inbox {
  const script = new PortableScript(appendText);
  const tag = new ServerTag(redis);

  async function appendChunk(items: readonly InboxItem[]): Promise<Appended[]> {
    const keys: string[] = [];
    const args = [String(INBOX_TTL_S), String(INBOX_LENGTH)];
    for (const { userId, messages } of items) {
      const { inbox, route } = userKeys(userId);
      keys.push(inbox, route);
      args.push(String(messages.length), ...messages);
    }
    const lines = (await script.run(redis, keys, args)) as string[];
    const suffix = await tag.current();
    return lines.map((line) => parseAppended(line, suffix));
  }

  /** Redis' clock, in milliseconds. Sent before a read of the same turn: what is written later has this time or a later one. */
  async function clock(key: string): Promise<number> {
    const [seconds, micros] = (await commandAt(redis, key, "time")) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  async function newestId(userId: UserId): Promise<string> {
    const { inbox } = userKeys(userId);
    const [now, newest] = await Promise.all([clock(inbox), redis.xrevrange(inbox, "+", "-", "COUNT", 1)]).catch(
      rethrow,
    );
    return newest[0]?.[0] ?? idBefore(now);
  }

  /** The inbox was empty at `id`, and nothing written since has been removed. */
  async function reachesBack(key: string, id: string, now: number): Promise<boolean> {
    if (now - idTime(id) >= INBOX_TTL_S * 1_000) return false;
    const info = (await redis.call("xinfo", "STREAM", key).catch((error: Error) => {
      if (error.message.startsWith("ERR no such key")) return null;
      throw redisFailure(error);
    })) as (string | number)[] | null;
    if (info === null) return true;
    const field = (name: string) => Number(info[info.indexOf(name) + 1]);
    return field("entries-added") === field("length");
  }

  return {
    async append(userId, messages) {
      return (await appendChunk([{ userId, messages }]))[0]!;
    },

    async appendAll(items) {
      // On a cluster users live on different nodes, and a script's keys must not: one call per user, written in one turn.
      const size = redis.isCluster ? 1 : USERS_PER_CALL;
      const calls: Promise<Appended[]>[] = [];
      for (let at = 0; at < items.length; at += size) calls.push(appendChunk(items.slice(at, at + size)));
      const settled = await Promise.allSettled(calls);
      return settled.flatMap((one) => {
        if (one.status === "rejected") throw one.reason;
        return one.value;
      });
    },

    async read(userId, cursor, limit) {
      const { inbox } = userKeys(userId);
      const suffix = await tag.current();
      const position = cursor === null ? null : parseCursor(cursor);
      const lost = async () => ({ lost: true, messages: [], cursor: formatCursor(await newestId(userId), suffix) });
      if (cursor !== null && position?.tag !== suffix) return lost();

      // The cursor's own entry is read along: as long as it is there, nothing behind it was trimmed.
      const range = redis.xrange(inbox, position?.id ?? "-", "+", "COUNT", limit + 1);
      const [now, found] = await Promise.all([clock(inbox), range]).catch(rethrow);
      let messages = found;
      if (position && found[0]?.[0] === position.id) messages = found.slice(1);
      else if (position && !(await reachesBack(inbox, position.id, now))) return lost();
      messages = messages.slice(0, limit);
      const last = messages.at(-1)?.[0] ?? position?.id ?? idBefore(now);
      return {
        lost: false,
        messages: messages.map(([id, fields]) => ({ cursor: formatCursor(id, suffix), json: fields[1] ?? "" })),
        cursor: formatCursor(last, suffix),
      };
    },

    async tail(userId) {
      const suffix = await tag.current();
      return formatCursor(await newestId(userId), suffix);
    },
  };
}

function parseAppended(line: string, tag: string): Appended {
  const bar = line.indexOf("|");
  const cursors =
    bar === 0
      ? []
      : line
          .slice(0, bar)
          .split(" ")
          .map((id) => formatCursor(id, tag));
  const routes = new Map<string, string>();
  if (bar < line.length - 1) {
    const words = line.slice(bar + 1).split(" ");
    for (let i = 0; i < words.length; i += 2) routes.set(words[i]!, words[i + 1]!);
  }
  return { cursors, routes };
}

import { timeAt } from "./commands.ts";
import { formatCursor, formatEmpty, GENERATION_LENGTH, type InboxPosition, parseCursor } from "./inbox-cursor.ts";
import { INBOX_GENERATION_KEY } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { redisFailure, rethrow } from "./redis-failure.ts";
import type { ServerTag } from "./server-tag.ts";
import { compareIds, idTime } from "./stream-ids.ts";

/** A stored message. The cursor is not stored with it but added when it is read. */
export interface InboxMessage {
  readonly cursor: string;
  readonly json: string;
}

export interface InboxPage {
  readonly lost: boolean;
  readonly messages: readonly InboxMessage[];
  /** Where to read on. */
  readonly cursor: string;
}

/** What XINFO STREAM says. */
interface StreamInfo {
  readonly firstId: string;
  readonly lastId: string;
  /** Nothing has ever been trimmed. */
  readonly isWhole: boolean;
}

/** Reads inboxes by their positions. All reject with StampedeError. */
export class InboxReader {
  constructor(
    private readonly redis: RedisConnection,
    private readonly tag: ServerTag,
    /** Milliseconds after its last message at which an inbox expires. */
    private readonly ttlMs: number,
  ) {}

  async read(key: string, cursor: string | null, limit: number): Promise<InboxPage> {
    const tag = await this.tag.current();
    const position = cursor === null ? null : parseCursor(cursor);
    if (cursor !== null && position?.tag !== tag) return this.#lost(key, tag, null);
    // The cursor's entry is read too: while it exists, nothing after it was trimmed.
    const from = position?.kind === "entry" ? position.id : "-";
    const [now, generation, found] = await Promise.all([
      timeAt(this.redis, key),
      position?.kind === "entry" ? null : this.#generation(),
      this.redis.xrange(key, from, "+", "COUNT", limit + 1),
    ]).catch(rethrow);
    let entries = found;
    if (position?.kind === "entry") {
      if (found[0]?.[0] !== position.id) return this.#lost(key, tag, position);
      entries = found.slice(1);
    } else if (position !== null) {
      const isSound = position.generation === generation && position.atMs <= now && now - position.atMs < this.ttlMs;
      if (!isSound) return this.#lost(key, tag, position);
      if (found.length > 0 && !(await this.#info(key))?.isWhole) return this.#lost(key, tag, position);
    }
    entries = entries.slice(0, limit);
    const last = entries.at(-1)?.[0];
    return {
      lost: false,
      messages: entries.map(([id, fields]) => ({ cursor: formatCursor(id, tag), json: fields[1] ?? "" })),
      cursor: last !== undefined ? formatCursor(last, tag) : (cursor ?? formatEmpty(now, tag, generation!)),
    };
  }

  async positionAt(key: string, moment: number): Promise<string> {
    const tag = await this.tag.current();
    const [now, generation, newest] = await Promise.all([
      timeAt(this.redis, key),
      this.#generation(),
      this.redis.xrevrange(key, "+", "-", "COUNT", 1),
    ]).catch(rethrow);
    // Redis read its clock before its answer arrived, so this is the moment or a little earlier.
    const then = now - Math.ceil(performance.now() - moment);
    let last = newest[0]?.[0];
    if (last !== undefined && idTime(last) >= then) {
      last = (await this.redis.xrevrange(key, String(then - 1), "-", "COUNT", 1).catch(rethrow))[0]?.[0];
    }
    return last !== undefined ? formatCursor(last, tag) : formatEmpty(then, tag, generation);
  }

  /**
   * Where a reader continues that may have lost messages: at the newest message. But if the inbox began again after `position`,
   * all of its messages are new to the reader.
   */
  async #lost(key: string, tag: string, position: InboxPosition | null): Promise<InboxPage> {
    const [now, generation, info] = await Promise.all([
      timeAt(this.redis, key),
      this.#generation(),
      this.#info(key),
    ]).catch(rethrow);
    const isAnew =
      info === null ||
      (position !== null && info.isWhole && (position.kind === "empty" || compareIds(info.firstId, position.id) > 0));
    const cursor = isAnew ? formatEmpty(now, tag, generation) : formatCursor(info.lastId, tag);
    return { lost: true, messages: [], cursor };
  }

  /**
   * A random text that is lost together with all other keys. It distinguishes an inbox that was always empty from one that was
   * flushed. On a cluster one master can lose its keys alone, so the text would prove nothing there and is constant.
   */
  async #generation(): Promise<string> {
    if (this.redis.isCluster) return "0".repeat(GENERATION_LENGTH);
    const known = await this.redis.get(INBOX_GENERATION_KEY);
    if (known !== null) return known;
    const fresh = crypto.randomUUID().slice(0, GENERATION_LENGTH);
    return (await this.redis.set(INBOX_GENERATION_KEY, fresh, "NX", "GET")) ?? fresh;
  }

  async #info(key: string): Promise<StreamInfo | null> {
    const reply = (await this.redis.call("xinfo", "STREAM", key).catch((error: Error) => {
      if (error.message.startsWith("ERR no such key")) return null;
      throw redisFailure(error);
    })) as unknown[] | null;
    if (reply === null) return null;
    const field = <T>(name: string) => reply[reply.indexOf(name) + 1] as T;
    const [first, last] = [field<[string] | null>("first-entry"), field<[string] | null>("last-entry")];
    if (first === null || last === null) return null;
    const isWhole = Number(field("entries-added")) === Number(field("length"));
    return { firstId: first[0], lastId: last[0], isWhole };
  }
}

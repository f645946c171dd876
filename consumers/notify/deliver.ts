import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Appended, Inbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import type { Routes } from "../../lua/routes.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import type { Personal } from "./messages.ts";

export interface DeliverParts {
  readonly inbox: Pick<Inbox, "appendAll">;
  readonly routes: Pick<Routes, "prune">;
  /** @returns how many subscribers heard it; undefined where the number says nothing (on a cluster it counts one node's) */
  readonly publish: (channel: string, payload: string) => Promise<number | undefined>;
  readonly log: Log;
}

/** One message on its way to a gateway; short names, because a rush sends tens of thousands. */
interface Push {
  /** user, cursor, message */
  readonly u: UserId;
  readonly c: string;
  readonly m: string;
  /** The cursor of the message before it; empty: it is the inbox's first. Absent: it was written by an earlier try. */
  readonly p?: string | undefined;
}

/** What is to be told to each user, in order. */
export type MessagesByUser = ReadonlyMap<UserId, readonly Personal[]>;

/**
 * Writes inboxes, then pushes to the gateways that hold the users' sockets, one message per gateway. Safe to repeat: what
 * stands in an inbox is not written again, and sockets pass over what they have got.
 */
export class InboxDelivery {
  readonly #silence = new Silence();

  constructor(private readonly parts: DeliverParts) {}

  /** @returns the users who could not be told everything, and why */
  async tell(news: MessagesByUser): Promise<Map<UserId, unknown>> {
    const failed = new Map<UserId, unknown>();
    const items = [...news].map(([userId, messages]) => ({ userId, messages }));
    const appended = await this.parts.inbox.appendAll(items);
    const written = new Map<UserId, Appended>();
    items.forEach(({ userId }, i) => {
      const one = appended[i]!;
      if (one instanceof StampedeError) failed.set(userId, one);
      else written.set(userId, one);
    });
    await this.#push(news, written, failed);
    return failed;
  }

  async #push(
    news: MessagesByUser,
    written: ReadonlyMap<UserId, Appended>,
    failed: Map<UserId, unknown>,
  ): Promise<void> {
    const byGateway = pushesOf(news, written);
    const dead = new Set<string>();
    await Promise.all(
      [...byGateway].map(async ([gatewayId, pushes]) => {
        try {
          const heard = await this.parts.publish(gatewayChannel(gatewayId), JSON.stringify(pushes));
          if (this.#silence.lasts(gatewayId, heard === 0, performance.now())) dead.add(gatewayId);
        } catch (error) {
          for (const { u } of pushes) failed.set(u, error);
        }
      }),
    );
    if (dead.size > 0) await this.#prune(written, dead);
  }

  async #prune(written: ReadonlyMap<UserId, Appended>, dead: ReadonlySet<string>): Promise<void> {
    const prunes = [...written].map(([userId, { routes }]) =>
      this.parts.routes.prune(
        userId,
        [...routes].filter(([, gatewayId]) => dead.has(gatewayId)),
      ),
    );
    const settled = await Promise.allSettled(prunes);
    const failure = settled.find((one) => one.status === "rejected");
    // They stay until the next message to these users, or their 24 hours are over.
    if (failure) {
      const why = failureCode(failure.reason);
      this.parts.log.warn({ gateways: [...dead], ...why }, "dead routes could not be removed");
    }
  }
}

function pushesOf(news: MessagesByUser, written: ReadonlyMap<UserId, Appended>): Map<string, Push[]> {
  const byGateway = new Map<string, Push[]>();
  for (const [userId, { written: places, routes }] of written) {
    const messages = news.get(userId)!;
    for (const gatewayId of new Set(routes.values())) {
      const pushes = byGateway.get(gatewayId) ?? [];
      if (pushes.length === 0) byGateway.set(gatewayId, pushes);
      places.forEach((place, k) => {
        if (place !== null) pushes.push({ u: userId, c: place.cursor, m: messages[k]!.json, p: place.previous });
      });
    }
  }
  return byGateway;
}

/** A gateway whose subscription was only interrupted is back within this time (it reconnects once a second). */
const DEAD_AFTER_MS = 30_000;

/** Since when a gateway's channel has no subscriber. A gateway that died leaves routes behind; those are removed. */
class Silence {
  readonly #since = new Map<string, number>();

  /** Whether the gateway has been silent for so long that it is dead. */
  lasts(gatewayId: string, silent: boolean, now: number): boolean {
    if (!silent) {
      this.#since.delete(gatewayId);
      return false;
    }
    const since = this.#since.get(gatewayId);
    if (since === undefined) this.#since.set(gatewayId, now);
    return since !== undefined && now - since >= DEAD_AFTER_MS;
  }
}

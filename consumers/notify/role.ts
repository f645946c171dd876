import type { UserId } from "../../contracts/ids.ts";
import type { Topic } from "../../contracts/topics.ts";
import type { Inbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import type { Routes } from "../../lua/routes.ts";
import type { ToldOrders } from "../../lua/told-orders.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import type { Rejected, Role } from "../role.ts";
import { messageOf, type Personal } from "./messages.ts";
import { withoutOldNews } from "./old-news.ts";

export const NOTIFY_TOPICS: readonly Topic[] = ["coupon-events", "notification-events"];

export interface NotifyDeps {
  readonly inbox: Pick<Inbox, "appendAll">;
  readonly routes: Pick<Routes, "prune">;
  readonly orders: ToldOrders;
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
}

/**
 * Tells owners what became of their claims and orders. First the inbox, then the route (one script does both, in this order), then
 * one message per gateway and batch. A socket does it the other way round, so between the two nothing is missed.
 * Redis away means wait: an outage of a minute must not turn news into dead letters.
 */
export function notify(deps: NotifyDeps): Role {
  const silence = new Silence();
  return {
    name: "notify",
    groupId: "notify",
    topics: NOTIFY_TOPICS,
    patience: "wait",
    maxBatch: 1_000,
    lingerMs: 2,
    concurrency: 1,
    async handle(records) {
      const rejected: Rejected[] = [];
      const messages: Personal[] = [];
      for (const record of records) {
        try {
          const message = messageOf(record);
          if (message !== null) messages.push(message);
        } catch (error) {
          rejected.push({ record, error });
        }
      }
      const news = await withoutOldNews(deps.orders, messages, deps.log);
      const byUser = new Map<UserId, string[]>();
      for (const { userId, json } of news.fresh) {
        const others = byUser.get(userId);
        if (others === undefined) byUser.set(userId, [json]);
        else others.push(json);
      }
      if (byUser.size > 0) await deliver(deps, silence, byUser);
      await news.told();
      return rejected;
    },
  };
}

async function deliver(
  deps: NotifyDeps,
  silence: Silence,
  byUser: ReadonlyMap<UserId, readonly string[]>,
): Promise<void> {
  const items = [...byUser].map(([userId, messages]) => ({ userId, messages }));
  const appended = await deps.inbox.appendAll(items);
  const byGateway = new Map<string, Push[]>();
  items.forEach(({ userId, messages }, i) => {
    const { cursors, routes } = appended[i]!;
    for (const gatewayId of new Set(routes.values())) {
      const pushes = byGateway.get(gatewayId) ?? [];
      if (pushes.length === 0) byGateway.set(gatewayId, pushes);
      messages.forEach((m, k) => void pushes.push({ u: userId, c: cursors[k]!, m }));
    }
  });
  const dead = new Set<string>();
  await Promise.all(
    [...byGateway].map(async ([gatewayId, pushes]) => {
      const heard = await deps.publish(gatewayChannel(gatewayId), JSON.stringify(pushes));
      if (silence.lasts(gatewayId, heard === 0, Date.now())) dead.add(gatewayId);
    }),
  );
  if (dead.size === 0) return;
  const prunes = items.map(({ userId }, i) =>
    deps.routes.prune(
      userId,
      [...appended[i]!.routes].filter(([, gatewayId]) => dead.has(gatewayId)),
    ),
  );
  await Promise.all(prunes).catch((error) => {
    // They stay until the next message to these users, or their 24 hours are over.
    deps.log.warn({ gateways: [...dead], ...failureCode(error) }, "dead routes could not be removed");
  });
}

/** A gateway whose subscription was only interrupted is back within this time (it reconnects once a second). */
const DEAD_AFTER_MS = 30_000;

/** Since when nobody listens to a gateway's channel. A gateway that died leaves routes behind; those are removed. */
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

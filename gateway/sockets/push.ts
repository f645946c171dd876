import { isUserId, type UserId } from "../../contracts/ids.ts";
import type { InboxMessage } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import type { RedisConnection } from "../../lua/redis.ts";

export type Deliver = (userId: UserId, messages: readonly InboxMessage[]) => void;

/** One personal message of a push: user, cursor, JSON without the cursor. */
interface Pushed {
  readonly u: string;
  readonly c: string;
  readonly m: string;
}

function isPushed(value: unknown): value is Pushed {
  if (typeof value !== "object" || value === null) return false;
  const { u, c, m } = value as Record<string, unknown>;
  return typeof u === "string" && isUserId(u) && typeof c === "string" && typeof m === "string";
}

/** Gives each user's messages of one push to `deliver`, neighbours of one user together. @throws Error if it is no push */
export function readPush(text: string, deliver: Deliver): void {
  const pushed: unknown = JSON.parse(text);
  if (!Array.isArray(pushed) || !pushed.every(isPushed)) throw new Error("A push is an array of {u, c, m}");
  for (let i = 0; i < pushed.length; ) {
    const userId = pushed[i]!.u as UserId;
    const messages: InboxMessage[] = [];
    for (; i < pushed.length && pushed[i]!.u === userId; i++) {
      messages.push({ cursor: pushed[i]!.c, json: pushed[i]!.m });
    }
    deliver(userId, messages);
  }
}

/**
 * Listens for the pushes of role notify to this gateway. `subscribed` is called whenever the subscription stands, at first
 * and again: what was published in between is lost to it. Returns how to stop.
 */
export function listenForPushes(
  subscriber: RedisConnection,
  gatewayId: string,
  deliver: Deliver,
  subscribed: () => void,
  onError: (error: unknown) => void,
): () => void {
  const ours = gatewayChannel(gatewayId);
  const onMessage = (channel: string, text: string) => {
    if (channel !== ours) return;
    try {
      readPush(text, deliver);
    } catch (error) {
      onError(error); // not from role notify: whoever else writes here changes nothing
    }
  };
  const subscribe = () => void subscriber.subscribe(ours).then(subscribed, onError);
  // A cluster moves its subscription to another node without a `ready`.
  const events = subscriber.isCluster ? ["ready", "+node", "-node"] : ["ready"];
  subscriber.on("message", onMessage);
  for (const event of events) subscriber.on(event, subscribe);
  subscribe();
  return () => {
    subscriber.off("message", onMessage);
    for (const event of events) subscriber.off(event, subscribe);
  };
}

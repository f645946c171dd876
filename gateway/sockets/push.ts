import { isUserId, type UserId } from "../../contracts/wire/ids.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { Pushed } from "./delivery.ts";

export type DeliverMessages = (userId: UserId, messages: readonly Pushed[]) => void;

/** One personal message of a push: user, cursor, JSON without the cursor, and the cursor before it (absent: not known). */
interface PushedText {
  readonly u: string;
  readonly c: string;
  readonly m: string;
  readonly p?: string;
}

function isPushed(value: unknown): value is PushedText {
  if (typeof value !== "object" || value === null) return false;
  const { u, c, m, p } = value as Record<string, unknown>;
  const isText = typeof u === "string" && typeof c === "string" && typeof m === "string";
  return isText && isUserId(u) && (p === undefined || typeof p === "string");
}

/** Gives each user's messages of one push to `deliver`, adjacent messages of one user together. @throws Error if it is no push */
export function readPush(text: string, deliver: DeliverMessages): void {
  const pushed: unknown = JSON.parse(text);
  if (!Array.isArray(pushed) || !pushed.every(isPushed)) throw new Error("A push is an array of {u, c, m, p}");
  for (let i = 0; i < pushed.length; ) {
    const userId = pushed[i]!.u as UserId;
    const messages: Pushed[] = [];
    for (; i < pushed.length && pushed[i]!.u === userId; i++) {
      const { c: cursor, m: json, p: previous } = pushed[i]!;
      messages.push(previous === undefined ? { cursor, json } : { cursor, json, previous });
    }
    deliver(userId, messages);
  }
}

export interface PushListener {
  readonly deliver: DeliverMessages;
  /** The subscription is active, for the first time or again: earlier messages are lost. */
  readonly subscribed: () => void;
  /** The subscription broke: pushes may be lost from now on. */
  readonly interrupted: () => void;
  readonly onError: (error: unknown) => void;
}

/** Listens for the pushes of role notify to this gateway. Returns how to stop. */
export function listenForPushes(subscriber: RedisConnection, gatewayId: string, listener: PushListener): () => void {
  const { deliver, subscribed, interrupted, onError } = listener;
  const ours = gatewayChannel(gatewayId);
  const onMessage = (channel: string, text: string) => {
    if (channel !== ours) return;
    try {
      readPush(text, deliver);
    } catch (error) {
      onError(error); // not from role notify: messages of other programs are ignored
    }
  };
  const subscribe = () => void subscriber.subscribe(ours).then(subscribed, onError);
  // A cluster moves its subscription to another node without a `ready`.
  const events = subscriber.isCluster ? ["ready", "+node", "-node"] : ["ready"];
  subscriber.on("message", onMessage);
  subscriber.on("close", interrupted);
  for (const event of events) subscriber.on(event, subscribe);
  subscribe();
  return () => {
    subscriber.off("message", onMessage);
    subscriber.off("close", interrupted);
    for (const event of events) subscriber.off(event, subscribe);
  };
}

import { groupOf } from "../../contracts/groups.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { INBOX_TTL_S } from "../../lua/inbox.ts";
import { failureCode, failureKind } from "../engine/failure.ts";
import { readBatch } from "../engine/read-batch.ts";
import type { Rejected, Role } from "../engine/role.ts";
import { type DeliverParts, InboxDelivery, type MessagesByUser } from "./deliver.ts";
import { messageOf, type Personal } from "./messages.ts";
import { WaitingMessages } from "./waiting-messages.ts";

export interface NotifyDeps extends DeliverParts {
  /** Redis can fail for some users alone (a cluster): theirs wait, and the others go on. */
  readonly canWait: boolean;
  readonly observe: {
    /** Messages that were not told any more, because they are older than an inbox lives. */
    old(messages: number): void;
    /** Messages whose owners cannot be told now. */
    waiting(messages: number): void;
  };
}

/** Messages that may wait while the others go on. With more, all messages wait. */
const MAX_WAITING = 10_000;

/**
 * Tells owners what became of their claims and orders. First the inbox, then the route (one script does both, in this order), then
 * one message per gateway and batch. A socket does it the other way round, so between the two nothing is missed.
 * Redis away means wait: an outage of a minute must not turn news into dead letters.
 */
export function notify(deps: NotifyDeps): Role {
  const delivery = new InboxDelivery(deps);
  const waiting = new WaitingMessages();

  /** Keeps what may succeed later, and returns what can never. @throws the failure, if all messages have to wait for it */
  function settle(
    failed: ReadonlyMap<UserId, unknown>,
    news: MessagesByUser,
    since: ReadonlyMap<string, number>,
  ): Rejected[] {
    const rejected: Rejected[] = [];
    for (const [userId, error] of failed) {
      const messages = news.get(userId)!;
      if (isHopeless(error)) rejected.push(...messages.map(({ record }) => ({ record, error })));
      else {
        if (waiting.size === 0) deps.log.error(failureCode(error), "some users cannot be told now: their news wait");
        waiting.keep(userId, messages, since, performance.now());
      }
    }
    return rejected;
  }

  return {
    name: "notify",
    ...groupOf("notify"),
    patience: "wait",
    maxBatch: 1_000,
    lingerMs: 2,
    concurrency: 1,
    waiting,
    async handle(records) {
      const since = waiting.tenures();
      if (waiting.size >= MAX_WAITING && !waiting.due(performance.now())) {
        throw new StampedeError("OVERLOADED", `${waiting.size} messages wait for their part of Redis`);
      }
      const { messages, rejected } = readBatch(records, messageOf);
      const nowMs = Date.now();
      const current = messages.filter((message) => !isOld(message, nowMs));
      if (current.length < messages.length) deps.observe.old(messages.length - current.length);
      const turn = waiting.turn(performance.now());
      const waited = [...turn.keys()];
      const behind: Personal[] = [];
      for (const message of current) {
        const { userId } = message;
        if (turn.has(userId)) turn.get(userId)!.push(message);
        else if (waiting.has(userId)) behind.push(message);
        else turn.set(userId, [message]);
      }
      const failed = turn.size > 0 ? await delivery.tell(turn) : new Map<UserId, unknown>();
      const hopeful = [...failed.values()].find((error) => !isHopeless(error));
      if (hopeful !== undefined && !deps.canWait) throw hopeful;
      waiting.drop(waited);
      rejected.push(...settle(failed, turn, since));
      for (const message of behind) waiting.keep(message.userId, [message], since, performance.now());
      deps.observe.waiting(waiting.size);
      return rejected;
    },
  };
}

/** A command that Redis refuses for what stands under the user's keys (WRONGTYPE) is refused again tomorrow. */
const isHopeless = (error: unknown): boolean =>
  failureKind(error) === "permanent" || (error instanceof StampedeError && error.code === "INTERNAL");

/** Older than an inbox lives: not told any more. The group was reset, or was down for that long. */
const isOld = ({ occurredAt }: Personal, nowMs: number): boolean => nowMs - occurredAt >= INBOX_TTL_S * 1_000;

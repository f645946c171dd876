import { groupOf } from "../../../contracts/groups.ts";
import type { IncomingRecord } from "../../../kafka/kafka.ts";
import { readBatch } from "../../engine/read-batch.ts";
import type { Rejected, Role } from "../../engine/role.ts";
import { parseRequest } from "./request.ts";
import { type TurnDeps, Turns } from "./turns.ts";
import { WaitingRequests } from "./waiting-requests.ts";

export interface Deciding extends Pick<TurnDeps, "settling" | "keepHours"> {
  readonly observe: {
    decided(outcome: string, requests: number): void;
    waitingRequests(requests: number): void;
  };
}

/**
 * Queued sales, in the order of the log: Redis decides, winners are persisted and announced, refusals are kept and told,
 * and only then is a request settled. Nothing of a sale is decided before everything ahead of it is settled, so a
 * process that repeats from a committed offset (after a crash, elsewhere, on a rebuilt Redis) comes to the same winners.
 */
export function couponDecide({ settling, keepHours, observe }: Deciding): Role {
  const waiting = new WaitingRequests();
  const turns = new Turns({ settling, keepHours, waiting, decided: observe.decided });
  /** Records whose requests are in `waiting`: a batch whose turn failed comes again. */
  const taken = new WeakSet<IncomingRecord>();

  function takeIn(records: readonly IncomingRecord[]): Rejected[] {
    const fresh = records.filter((record) => !taken.has(record));
    const { messages, sources, rejected } = readBatch(fresh, parseRequest);
    for (const request of messages) waiting.append(request);
    for (const record of sources) taken.add(record);
    return rejected;
  }

  return {
    name: "coupon-decide",
    ...groupOf("coupon-decide"),
    patience: "wait",
    maxBatch: 1_000,
    lingerMs: 2,
    concurrency: 1, // the order is the rule
    waiting,
    async handle(records, signal) {
      const unreadable = takeIn(records);
      try {
        return [...unreadable, ...(await turns.take(performance.now(), signal))];
      } finally {
        observe.waitingRequests(waiting.size);
      }
    },
  };
}

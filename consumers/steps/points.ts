import type { UserId } from "../../contracts/wire/ids.ts";
import type { Executor } from "../../db/client.ts";
import { bookOrderPoints, findDeductions, lockBalances, type PointsEntry } from "../../db/steps/points.ts";
import type { Restore, StepCommand } from "./request.ts";
import { COMPLETED, type LockedRows, type StepVerdict, type StepWork } from "./step-work.ts";

/** Takes points from a user's balance; a restore is the opposite line in the ledger. */
export const points: StepWork<"POINT"> = {
  step: "POINT",
  async enter(tx, commands, restores) {
    const users = new Set([...commands, ...restores].map(({ data }) => data.userId));
    const balances = users.size === 0 ? new Map<UserId, number>() : await lockBalances(tx, [...users]);
    return new Purses(balances);
  },
};

/** The balances of a batch, as they stand while it is judged. */
class Purses implements LockedRows<"POINT"> {
  readonly #booked: PointsEntry[] = [];

  constructor(private readonly balances: Map<UserId, number>) {}

  async undo(tx: Executor, restores: readonly Restore<"POINT">[]): Promise<void> {
    const orderIds = restores.map(({ orderId }) => orderId);
    for (const took of await findDeductions(tx, orderIds)) this.#book({ ...took, delta: -took.delta });
  }

  judge({ orderId, data }: StepCommand<"POINT">): StepVerdict {
    if (data.points > this.#balanceOf(data.userId)) return { outcome: "FAILED", reason: "INSUFFICIENT_POINTS" };
    // Nothing taken is no line of the ledger, and a user without points has no balance's row.
    if (data.points > 0) this.#book({ orderId, userId: data.userId, delta: -data.points });
    return COMPLETED;
  }

  async write(tx: Executor): Promise<void> {
    if (this.#booked.length > 0) await bookOrderPoints(tx, this.#booked);
  }

  #balanceOf(userId: UserId): number {
    return this.balances.get(userId) ?? 0;
  }
  #book(entry: PointsEntry): void {
    this.#booked.push(entry);
    this.balances.set(entry.userId, this.#balanceOf(entry.userId) + entry.delta);
  }
}

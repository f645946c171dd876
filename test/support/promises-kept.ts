import { expect } from "bun:test";
import { createReceipts } from "../../gateway/claims/receipt.ts";
import { readConfig } from "../../gateway/config.ts";
import { check } from "../history/checker.ts";
import type { Demand, Facts, History } from "../history/history.ts";
import { readFacts } from "../history/read-facts.ts";
import { recorder } from "../history/recorder.ts";
import { summaryOf } from "../history/summary.ts";
import { call } from "./client.ts";
import type { System } from "./system.ts";

export interface ExpectedClaims extends Demand {
  /** How many coupons must be out in the end. */
  readonly winners: number;
  /** Prints a line of that name. */
  readonly fault?: string;
}

/** One broken promise often shows in hundreds of claims. */
const SHOWN = 10;

/**
 * The end of every fault: everything has settled, `./dev verify` finds nothing, and the history of what all clients of
 * this process were told (test/history) contradicts neither itself nor the rows.
 */
export async function promisesKept(system: System, couponId: string, expected: ExpectedClaims): Promise<void> {
  await system.settled(couponId, 60_000);
  expect(await system.violations()).toEqual([]);
  await historyKept(system, couponId, expected);
}

/** The second half alone: of a settled sale, what clients were told. */
export async function historyKept(system: System, couponId: string, expected: ExpectedClaims): Promise<void> {
  const facts = await readFacts(system.sql, couponId);
  await askForTombstones(system, recorder.history(couponId), facts);
  const { receiptKeys, receiptV1Key } = readConfig(system.stack.env);
  const receipts = createReceipts(receiptKeys, receiptV1Key);
  const isReceipt: Demand["isReceipt"] = (receipt, requestId, userId) =>
    receipts.verify(receipt, requestId as never, userId as never);
  const history = recorder.history(couponId);
  const violations = check(history, facts, { isReceipt, ...expected });
  if (expected.fault !== undefined) console.log(`fault: ${expected.fault}: ${summaryOf(history, violations)}`);
  expect(violations.slice(0, SHOWN)).toEqual([]);
}

/** Owners of claims that were given up, and have no socket that was told, ask for them; the answer joins the history. */
async function askForTombstones(system: System, history: History, { rows }: Facts): Promise<void> {
  const buried = new Map(rows.filter(({ revoked }) => revoked).map((row) => [row.requestId, row.userId]));
  const accepted = new Set(
    history.claims.flatMap(({ answer }) => (answer.kind === "accepted" ? [answer.requestId] : [])),
  );
  for (const [requestId, userId] of buried) {
    if (!accepted.has(requestId)) continue;
    await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(userId) });
  }
}

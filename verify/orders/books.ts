import type { TransactionSql } from "postgres";
import type { CheckResult } from "../check.ts";
import { ask } from "./findings.ts";
import { strayCoupons, strayPayments, strayPoints, strayShipments, unbalancedPurses } from "./money-questions.ts";
import { repeatedEffects, strayOutcomes, strayStates, wrongAmounts } from "./order-questions.ts";
import { unendingCompensations, unsettledOrders } from "./overdue-questions.ts";
import { type OrderCounts, stageOrders } from "./stage-orders.ts";
import { stageSagas } from "./stage-sagas.ts";
import { miscountedSales, strayReservations, unbalancedProducts } from "./stock-questions.ts";

export interface OrderCheckResults {
  readonly counts: OrderCounts;
  readonly verdicts: readonly CheckResult[];
}

/**
 * Promise 5, from one snapshot: everything that PostgreSQL says about orders, against itself. `tx` is REPEATABLE READ.
 * Each question holds at every moment, so there is no second look, and an order under way is never accused.
 * @param graceMs how long after its deadline an order is overdue, milliseconds
 */
export async function readBooks(tx: TransactionSql, graceMs: number): Promise<OrderCheckResults> {
  const counts = await stageOrders(tx);
  await stageSagas(tx);
  const { orders, open, products, purses, coupons, payments, outcomes } = counts;
  const verdicts = [
    await ask(tx, "stock-balances", unbalancedProducts(tx), products),
    await ask(tx, "reservations-match", strayReservations(tx), orders),
    await ask(tx, "sales-counted", miscountedSales(tx), products),
    await ask(tx, "points-balance", unbalancedPurses(tx), purses),
    await ask(tx, "points-match", strayPoints(tx), orders),
    await ask(tx, "coupons-match", strayCoupons(tx), coupons),
    await ask(tx, "payments-match", strayPayments(tx), payments),
    await ask(tx, "shipments-match", strayShipments(tx), orders),
    await ask(tx, "amounts-add-up", wrongAmounts(tx), orders),
    await ask(tx, "sagas-agree", strayStates(tx), orders),
    await ask(tx, "outcomes-agree", strayOutcomes(tx), outcomes),
    await ask(tx, "orders-settle", unsettledOrders(tx, graceMs), open),
    await ask(tx, "compensations-end", unendingCompensations(tx, graceMs), open),
    await ask(tx, "one-effect-per-order", repeatedEffects(tx), orders),
  ];
  return { counts, verdicts };
}

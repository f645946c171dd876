import { checkAcceptances } from "./check-acceptances.ts";
import { checkRefusals } from "./check-refusals.ts";
import { checkRows } from "./check-rows.ts";
import { checkTold } from "./check-told.ts";
import type { Demand, Facts, History, Violation } from "./history.ts";
import { indexed } from "./known.ts";

/**
 * Every promise that a history and the database's rows break together. Pure. It reports no false violation: an outcome that
 * no client saw counts as whatever clears the program, within what the rows prove.
 * The history must be whole: a claim that was sent past the recorder makes its winner an UNEXPLAINED_WINNER.
 */
export function check(history: History, facts: Facts, demand: Demand = {}): Violation[] {
  const known = indexed(history, facts);
  return [
    ...checkRows(history, facts, demand),
    ...checkAcceptances(history, facts, demand, known),
    ...checkTold(history, known),
    ...checkRefusals(history, facts, demand, known),
  ];
}

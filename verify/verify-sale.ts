import { setTimeout as sleep } from "node:timers/promises";
import type { CheckResult } from "./check.ts";
import { judgeSale } from "./check-sale.ts";
import type { StoredSale } from "./facts.ts";
import { listSales } from "./rows-reader.ts";
import { secondLook } from "./second-look.ts";
import { MAX_SUSPECTS } from "./sieve.ts";
import { type Sources, survey } from "./survey.ts";

/**
 * Checks one sale while the system may be running. Clean at the first look: done. Otherwise the suspects alone are read
 * again after `recheckMs`, and only what is still wrong then is reported.
 */
export async function verifySale(sources: Sources, sale: StoredSale, recheckMs: number): Promise<CheckResult[]> {
  const first = await survey(sources, sale);
  const verdicts = judgeSale(first.facts);
  if (first.suspects.length === 0 && verdicts.every(isClean)) return verdicts;
  await sleep(recheckMs);
  const [again] = await listSales(sources.sql, sale.couponId);
  if (again === undefined) return [];
  const facts = await secondLook(sources, again, first.suspects, first.facts.examined);
  const judged = judgeSale(facts);
  if (first.suspects.length < MAX_SUSPECTS) return judged;
  return judged.map((verdict) => (isClean(verdict) ? verdict : { ...verdict, note: verdict.note ?? AT_LEAST }));
}

const AT_LEAST = `violated; there may be more than counted: only the first ${MAX_SUSPECTS} of a kind were read again`;
const isClean = (verdict: CheckResult) => verdict.violations.length + (verdict.more ?? 0) === 0;

import { expect, test } from "bun:test";
import { RESULTS } from "../wire/result-codes.ts";
import { CLAIM_REFUSALS, type ClaimRefusal } from "./refusals.ts";

test("the table of all result codes has the rows of this table, and none of its other rows replaces one", () => {
  for (const [code, refusal] of Object.entries(CLAIM_REFUSALS)) expect(RESULTS[code as ClaimRefusal]).toBe(refusal);
});

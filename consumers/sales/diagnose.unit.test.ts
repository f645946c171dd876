import { expect, test } from "bun:test";
import type { SaleHealth } from "../../lua/sale-health.ts";
import { diagnose } from "./diagnose.ts";

const loaded: SaleHealth = { loaded: true, epoch: 2, state: "OPEN", total: 5, endsAt: 9, runId: "r" };
const lost = (reason: SaleHealth["reason"], epoch = 2): SaleHealth =>
  ({ loaded: false, epoch, state: null, total: null, endsAt: null, runId: "r", reason }) as SaleHealth;
const sale = { loadState: "LOADED", epoch: 2, state: "OPEN", total: 5, endsAt: new Date(9) } as const;

test("a sale that is as PostgreSQL wants it needs nothing", () => {
  expect(diagnose(sale, loaded)).toEqual({ need: "nothing" });
});

test("only a sale that was never loaded, and that Redis does not show either, is loaded without a wait", () => {
  expect(diagnose({ ...sale, loadState: "NEW" }, lost("MISSING", 0))).toEqual({ need: "first-load" });
  expect(diagnose({ ...sale, loadState: "NEW" }, lost("RECOVERING", 2))).toEqual({ need: "first-load" });
  expect(diagnose({ ...sale, loadState: "NEW" }, loaded)).toEqual({ need: "recovery", why: "NEW" });
  expect(diagnose({ ...sale, loadState: "NEW" }, lost("RUN_ID", 5))).toEqual({ need: "recovery", why: "NEW" });
});

test("every way to lose a sale ends in a recovery that names it", () => {
  for (const reason of ["MISSING", "RECOVERING", "RUN_ID", "SCRIPTS"] as const) {
    expect(diagnose(sale, lost(reason))).toEqual({ need: "recovery", why: reason });
  }
  expect(diagnose(sale, { ...loaded, epoch: 1 })).toEqual({ need: "recovery", why: "EPOCH 1" });
  expect(diagnose({ ...sale, loadState: "RECOVERING" }, loaded)).toEqual({ need: "recovery", why: "RECOVERING" });
  expect(diagnose({ ...sale, loadState: "LOADING" }, loaded)).toEqual({ need: "recovery", why: "LOADING" });
});

test("a state, a total or an end that Redis missed is only set", () => {
  expect(diagnose({ ...sale, state: "PAUSED" }, loaded)).toEqual({ need: "set-terms" });
  expect(diagnose({ ...sale, total: 6 }, loaded)).toEqual({ need: "set-terms" });
  expect(diagnose({ ...sale, endsAt: new Date(10) }, loaded)).toEqual({ need: "set-terms" });
});

import { expect, test } from "bun:test";
import { declaredEndpoints } from "../../test/support/endpoints.ts";
import { isForOperators } from "./declaration.ts";

test("every route is declared, under a name that no other route has", () => {
  expect(declaredEndpoints.length).toBeGreaterThan(40);
  const names = declaredEndpoints.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][A-Za-z]+$/);
});

test("what is below /admin is for operators with a role; their calls stand in the audit log, of the others only those that they may make too", () => {
  for (const { path, audience, caller, audit, alsoForOperators } of declaredEndpoints) {
    const isAdmin = path.startsWith("/admin/");
    expect({ path, audience: audience === "operator", role: isForOperators(caller), audit }).toEqual({
      path,
      audience: isAdmin,
      role: isAdmin,
      audit: isAdmin || alsoForOperators === true,
    });
  }
});

test("what machines ask needs no token and costs nothing, and no other audience has it", () => {
  const machines = declaredEndpoints.filter(({ audience }) => audience === "machine");
  expect(machines.map(({ path }) => path).sort()).toEqual(["/health/live", "/health/ready", "/metrics"]);
  for (const { caller, cost } of machines) expect({ caller, cost }).toEqual({ caller: "anyone", cost: "free" });
});

test("a change can be repeated, and a read has no body and no key", () => {
  for (const { operationId, method, idempotency, body } of declaredEndpoints) {
    if (method === "GET")
      expect({ operationId, idempotency, body }).toEqual({ operationId, idempotency: "none", body: "none" });
    else expect({ operationId, repeatable: idempotency !== "none" }).toEqual({ operationId, repeatable: true });
  }
});

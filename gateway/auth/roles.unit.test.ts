import { expect, test } from "bun:test";
import { isOperator, mayAct, type OperatorRole, ROLES, rolesOfOperatorToken, rolesOfSharedToken } from "./roles.ts";

const rightsOf = (...roles: OperatorRole[]) => ROLES.filter((role) => mayAct({ roles }, role));

test("a role includes the lesser ones; a seller is no treasurer", () => {
  expect(rightsOf("viewer")).toEqual(["viewer"]);
  expect(rightsOf("seller")).toEqual(["viewer", "seller"]);
  expect(rightsOf("treasurer")).toEqual(["viewer", "treasurer"]);
  expect(rightsOf("seller", "treasurer")).toEqual(["viewer", "seller", "treasurer"]);
  expect(rightsOf("admin")).toEqual([...ROLES]);
  expect(rightsOf()).toEqual([]);
  expect([isOperator({ roles: [] }), isOperator({ roles: ["viewer"] })]).toEqual([false, true]);
});

test.each([
  ["operator", undefined, ["admin"]],
  ["operator", "seller", ["seller"]],
  ["operator", ["treasurer", "viewer"], ["viewer", "treasurer"]],
  ["operator", ["seller", "emperor", 7, null], ["seller"]],
  ["operator", "Admin", []],
  ["operator", null, []],
  ["operator", [], []],
  ["operator", { admin: true }, []],
  ["operator", ["admin", ...Array.from({ length: 16 }, String)], []],
  ["user", "admin", []],
  [undefined, "admin", []],
  [["operator"], undefined, []],
])("shared keys: role %j with operator_role %j is %j", (role, operatorRole, roles) => {
  expect([...rolesOfSharedToken(role, operatorRole)]).toEqual(roles as OperatorRole[]);
});

test.each([
  [undefined, []],
  ["admin", ["admin"]],
  ["constructor", []],
])("operators' keys: operator_role %j is %j", (operatorRole, roles) => {
  expect([...rolesOfOperatorToken(operatorRole)]).toEqual(roles as OperatorRole[]);
});

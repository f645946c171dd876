import { expect, test } from "bun:test";
import { declaredEndpoints } from "../../test/support/endpoints.ts";
import { REFERENCED } from "../docs/documents.ts";
import { createCheckAnswer } from "./check-answers.ts";
import { json, problem } from "./problem.ts";

const check = createCheckAnswer(declaredEndpoints, REFERENCED);
const declared = (operationId: string) => declaredEndpoints.find((one) => one.operationId === operationId)!;

test("every documented answer can be checked", () => {
  for (const endpoint of declaredEndpoints) {
    for (const [status, schema] of Object.entries(endpoint.answers)) {
      if (schema !== null) expect(check(endpoint, json(Number(status), []))).toContain(endpoint.operationId);
    }
  }
});

test("an answer that the documents do not name is found: a body, a status, a code", () => {
  const live = declared("getLiveness");
  expect(check(live, json(200, { status: "live" }))).toBeUndefined();
  expect(check(live, json(200, { status: "alive" }))).toContain("getLiveness answered 200");
  expect(check(live, json(202, { status: "live" }))).toBe("getLiveness answered 202, which is not documented");
  const order = declared("getOrder");
  expect(check(order, problem("ORDER_NOT_FOUND"))).toBeUndefined();
  expect(check(order, problem("PRODUCT_NOT_FOUND"))).toContain("PRODUCT_NOT_FOUND, which is not documented");
});

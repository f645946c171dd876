import { expect, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { problem, problemOf } from "./problem.ts";

const bodyOf = (error: unknown) => JSON.parse(problemOf(error).body as string);

test("an INTERNAL says whether a retry may help, and nothing of what happened", () => {
  const final = new StampedeError("INTERNAL", "user ann at line 7", { retryable: false, extra: { about: 1 } });
  expect(bodyOf(final)).toMatchObject({ status: 500, code: "INTERNAL", retryable: false, about: 1 });
  expect(bodyOf(new StampedeError("INTERNAL", "user ann at line 7"))).toMatchObject({
    code: "INTERNAL",
    retryable: true,
  });
  for (const mistake of [new TypeError("ann"), new RangeError("ann"), new SyntaxError("ann")]) {
    expect(bodyOf(mistake)).toMatchObject({ code: "INTERNAL", retryable: false });
  }
  expect(bodyOf(new Error("ann"))).toMatchObject({ code: "INTERNAL", retryable: true });
  expect(bodyOf("ann")).toMatchObject({ code: "INTERNAL", retryable: true });
  for (const error of [final, new TypeError("ann"), "ann"]) expect(problemOf(error).body).not.toContain("ann");
});

test("a refusal keeps its words and its code's answer to whether a retry helps", () => {
  const limited = new StampedeError("RATE_LIMITED", "slowly", { retryAfterS: 0.2 });
  expect(bodyOf(limited)).toMatchObject({ status: 429, detail: "slowly", retryable: true });
  expect(problemOf(limited).headers!["retry-after"]).toBe("1");
  expect(JSON.parse(problem("SOLD_OUT").body as string)).toMatchObject({ code: "SOLD_OUT", retryable: false });
});

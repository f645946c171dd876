import { expect, test } from "bun:test";
import { CLAIM_REFUSALS, SCRIPT_REFUSALS } from "../contracts/claims/refusals.ts";
import { isResultCode, RESULTS } from "../contracts/wire/result-codes.ts";
import { renderSaleScripts, SALE_SCRIPT_NAMES } from "./sale-script-text.ts";
import { withIncludes } from "./script-includes.ts";

test("a line that includes a piece becomes the piece, at any depth of indentation", () => {
  const text = withIncludes("local a = 1\n  -- include: win-format.lua\nreturn WIN");
  expect(text).toStartWith("local a = 1\n");
  expect(text).toContain("\nlocal WIN = '");
  expect(text).toEndWith("\nreturn WIN");
  expect(text).not.toContain("-- include:");
});

test("a piece that does not exist and a code that is not in the table are no script", () => {
  expect(() => withIncludes("-- include: nothing.lua\n")).toThrow("nothing.lua");
  expect(() => withIncludes("return REFUSED.TOO_LATE")).toThrow("TOO_LATE");
});

test("a refusal's code is a string constant when Redis gets the script", () => {
  expect(withIncludes("return REFUSED.SOLD_OUT")).toBe("return 'SOLD_OUT'");
});

test("no script reaches Redis with a line to include or a code to replace", () => {
  const scripts = renderSaleScripts("a".repeat(40));
  for (const name of [...SALE_SCRIPT_NAMES, "load", "swap"] as const) {
    expect(scripts[name].text).not.toMatch(/-- include: |REFUSED\.[A-Z]/);
  }
});

test("claim and decide name every refusal of theirs, and no other", () => {
  const { shaClaim, shaDecide } = renderSaleScripts("a".repeat(40));
  const program = (text: string) => text.replace(/^\s*--.*$/gm, "");
  const named = (text: string) => SCRIPT_REFUSALS.filter((code) => program(text).includes(`'${code}'`));
  expect(named(shaClaim.text)).toEqual([...SCRIPT_REFUSALS]);
  // A queued sale's requests are what decide.lua is for, so it never refuses with QUEUED (the sale's mode is not read).
  expect(named(shaDecide.text)).toEqual(SCRIPT_REFUSALS.filter((code) => code !== "QUEUED"));
});

test("every refusal of a claim is a result code with its status and message", () => {
  for (const [code, { status, retryable, title }] of Object.entries(CLAIM_REFUSALS)) {
    if (!isResultCode(code)) throw new Error(code);
    expect(RESULTS[code]).toMatchObject({ status, retryable, title } as object);
  }
});

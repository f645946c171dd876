import { expect, test } from "bun:test";
import { Glob } from "bun";
import { isResultCode } from "../contracts/wire/result-codes.ts";
import { renderSaleScripts, SALE_SCRIPT_NAMES } from "./sale-script-text.ts";
import { withIncludes } from "./script-includes.ts";

const RUN_A = "a".repeat(40);
const RUN_B = "b".repeat(40);

test("the run_id stands in every script's text, so another server's scripts have other SHAs", () => {
  const [a, b] = [renderSaleScripts(RUN_A), renderSaleScripts(RUN_B)];
  for (const name of [...SALE_SCRIPT_NAMES, "load", "swap"] as const) {
    expect(a[name].text).toContain(`local RUN_ID = '${RUN_A}'\n`);
    expect(a[name].sha).not.toBe(b[name].sha);
    expect(renderSaleScripts(RUN_A)[name]).toEqual(a[name]);
  }
  expect(new Set(Object.values(a).map(({ sha }) => sha)).size).toBe(SALE_SCRIPT_NAMES.length + 2);
});

test("a script's flags stay its first line", () => {
  const { shaRelease, shaClaim } = renderSaleScripts(RUN_A);
  expect(shaRelease.text.startsWith("#!lua flags=allow-oom\nlocal RUN_ID")).toBe(true);
  expect(shaClaim.text.startsWith("local RUN_ID")).toBe(true);
  expect(withIncludes("#!lua\n-- include: announce.lua\nreturn 1")).toMatch(/^#!lua\nlocal SALES_CHANNEL = 'sales'\n/);
});

for (const bad of ["", "a'b", "a b", "';redis.call('FLUSHALL')--"]) {
  test(`${JSON.stringify(bad)} is no run_id and never becomes program text`, () => {
    expect(() => renderSaleScripts(bad)).toThrow("Not a run_id");
  });
}

// What is quoted in upper case and neither a Redis command nor a result code.
const STATES = ["OPEN", "PAUSED", "CLOSED", "RECOVERING", "ISSUED", "FAILED"];
const OPTIONS = ["FREE", "DISCARD", "DROP", "COUNT", "MAXLEN", "NUMSUB"];
const NO_CODES = new Set([...STATES, ...OPTIONS, "SHADOW"]);

test("every code in a script is one of the project's result codes", async () => {
  const strangers: string[] = [];
  const codes = new Set<string>();
  for await (const file of new Glob("*.lua").scan(import.meta.dir)) {
    const text = (await Bun.file(`${import.meta.dir}/${file}`).text())
      .replace(/^\s*--.*$/gm, "")
      .replace(/\bREFUSED\.(\w+)/g, "'$1'")
      .replace(/redis\.p?call\('[A-Z]+'/g, "");
    for (const [, quoted] of text.matchAll(/'([^'\n]*)'/g)) {
      for (const word of quoted!.match(/\b[A-Z][A-Z_]{3,}\b/g) ?? []) {
        if (isResultCode(word)) codes.add(word);
        if (!isResultCode(word) && !NO_CODES.has(word)) strangers.push(`${file}: ${word}`);
      }
    }
  }
  expect(strangers).toEqual([]);
  const expected = [
    "ACCEPTED",
    "ACKNOWLEDGED",
    "ALREADY_WON",
    "CART_CHANGED",
    "CHANGED",
    "CONFLICT",
    "ENDED",
    "FORGOTTEN",
    "IDEMPOTENCY_KEY_REUSED",
    "LEDGER_NOT_EMPTY",
    "LOADED",
    "NOT_HELD",
    "NOT_LOADED",
    "NOT_OVER",
  ];
  expected.push(
    "NOT_STARTED",
    "OVERLOADED",
    "PAUSED",
    "QUEUED",
    "RELEASED",
    "REPEATED",
    "REQUESTS_WAIT",
    "SALE_RECOVERING",
    "SOLD_OUT",
    "STALE_EPOCH",
    "STALE_RUN_ID",
    "TOO_MANY_ORDERS",
    "UNCHANGED",
    "WINNERS_DIFFER",
  );
  expect([...codes].sort()).toEqual(expected);
});

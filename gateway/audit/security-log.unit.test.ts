import { expect, test } from "bun:test";
import { SecurityLog } from "./security-log.ts";

let now = 1_000;

function opened() {
  const lines: Record<string, unknown>[] = [];
  const log = new SecurityLog({ warn: (line: Record<string, unknown>) => void lines.push(line) } as never, () => now);
  return { log, lines };
}

test("every event is counted; five a second have a line, and the next says how many had none", () => {
  const { log, lines } = opened();
  let scenes = 0;
  const refuse = (code: string) =>
    log.refused(code, () => ({ operation: "getMe", address: "192.0.2.7", requestId: String(++scenes) }));
  for (let i = 0; i < 1_000; i++) refuse("TOKEN_INVALID");
  refuse("RATE_LIMITED");
  expect({ scenes, lines: lines.length }).toEqual({ scenes: 6, lines: 6 });
  expect(lines[0]).toEqual({
    event: "token-invalid",
    operation: "getMe",
    address: "192.0.2.7",
    requestId: "1",
    suppressed: 0,
  });
  now += 1_000;
  refuse("TOKEN_INVALID");
  expect(lines.at(-1)).toMatchObject({ event: "token-invalid", suppressed: 995 });
  const totals = Object.fromEntries(log.totals());
  expect(totals).toMatchObject({ "token-invalid": 1_001, "rate-limited": 1, "origin-refused": 0 });
});

test("other refusals are no events", () => {
  const { log, lines } = opened();
  for (const code of ["SOLD_OUT", "COUPON_NOT_FOUND", "INTERNAL", "toString", "__proto__"]) {
    log.refused(code, () => ({ operation: "x", address: "" }));
  }
  expect(lines).toEqual([]);
  expect([...log.totals()].every(([, total]) => total === 0)).toBe(true);
});

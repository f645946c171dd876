import { expect, test } from "bun:test";
import { parseIp } from "../http/ip-address.ts";
import { LIMIT_KINDS, RefusalLog } from "./refusal-log.ts";

test("every refusal is counted by its kind, and a flood of them is one line", () => {
  const lines: object[] = [];
  const refusals = new RefusalLog({ warn: ((fields: object) => void lines.push(fields)) as never });
  for (let i = 0; i < 1_000; i++) refusals.refused("user", `u${i}`);
  refusals.refused("address", parseIp("2001:db8::1")!);
  refusals.refused("reads");
  expect(LIMIT_KINDS.map((kind) => refusals.total(kind))).toEqual([1_000, 1, 1, 0, 0, 0, 0, 0]);
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(lines.length).toBeLessThan(100);
  expect(lines[0]).toEqual({ limit: "user", who: "u0", refused: 1 });
  expect(lines).toContainEqual({ limit: "address", who: "2001:db8::1", refused: 1 });
});

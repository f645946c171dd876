import { expect, test } from "bun:test";
import type { Batch } from "./batches.ts";
import { nextOf } from "./lanes.ts";

const batch = (file: string): Batch => ({ tier: "int", files: [`test/${file}.int.test.ts`], seconds: 10 });
const waiting = ["kafka/node", "lua/claim", "transports/bun", "consumers/node"].map(batch);
const next = (onOwnServices: boolean, nodeIsReady: boolean, of: readonly Batch[] = waiting) =>
  of[nextOf(of, { onOwnServices, nodeIsReady })]?.files[0];

test("a lane with a stack takes first what needs one, the other lane what brings its own services", () => {
  expect(next(false, true)).toBe("test/lua/claim.int.test.ts");
  expect(next(true, true)).toBe("test/kafka/node.int.test.ts");
});

test("as long as Node's addon is being compiled, files that need it wait behind all others", () => {
  expect(next(true, false)).toBe("test/transports/bun.int.test.ts");
  expect(next(false, false, [waiting[3]!, waiting[2]!])).toBe("test/transports/bun.int.test.ts");
  expect(next(false, false, [waiting[3]!])).toBe("test/consumers/node.int.test.ts");
});

test("a lane without files of its kind takes the others'", () => {
  expect(next(true, true, [waiting[1]!])).toBe("test/lua/claim.int.test.ts");
  expect(next(true, true, [])).toBeUndefined();
});

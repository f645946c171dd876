import { expect, test } from "bun:test";
import { maxMemoryOf } from "./redis.ts";

const GB = 1024 ** 3;

test("all Redis processes of a stack together may take half of the machine, unless it is configured otherwise", () => {
  expect(maxMemoryOf(1, undefined, 8 * GB)).toBe("4096mb");
  expect(maxMemoryOf(6, undefined, 24 * GB)).toBe("2048mb");
  expect(maxMemoryOf(6, undefined, GB / 4)).toBe("64mb");
  expect(maxMemoryOf(6, "300mb", 8 * GB)).toBe("300mb");
});

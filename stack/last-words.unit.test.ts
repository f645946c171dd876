import { expect, test } from "bun:test";
import { lastWords } from "./last-words.ts";

test.each([
  [
    "a crash of Bun",
    "error: Cannot find module './x.ts'\n\nBun v1.4.5 (Linux x64)\n",
    "error: Cannot find module './x.ts'",
  ],
  ["a line of JSON", '{"level":60,"time":0,"msg":"fatal: no Redis"}\n', "00:00:00.000 FATAL fatal: no Redis"],
  [
    "a complaint before the last line",
    "FATAL: data directory has wrong ownership\nHINT: ask\n",
    "FATAL: data directory has wrong ownership",
  ],
  [
    "an environment that is not valid",
    '{"level":30,"time":0,"msg":"x"}\nThe environment is not valid.\n  CLAIM_ACK_MS=soon: must be a whole number\n  JWT_SECRET is missing\n',
    "The environment is not valid. CLAIM_ACK_MS=soon: must be a whole number; JWT_SECRET is missing",
  ],
  ["a compiler", "a.c:1: error: no\n    1 | int X=1\n", "a.c:1: error: no"],
  ["no complaint", "one\ntwo\n", "two"],
  ["nothing", "\n", "it said nothing"],
])("of %s the reason is found", (_, text, words) => expect(lastWords(text)).toBe(words));

test("a long reason is cut", () => expect(lastWords("x".repeat(1000))).toHaveLength(301));

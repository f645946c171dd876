import { expect, test } from "bun:test";
import { printable } from "./printable.ts";

test.each([
  ["ein Käse 🧀\tund\nnoch einer", "ein Käse 🧀\tund\nnoch einer"],
  ["\u001b[2J\u001b]0;title\u0007", "�[2J�]0;title�"],
  ["a\rb\u0000\u009bc\u007f", "a�b��c�"],
])("%j is shown as %j", (text, shown) => expect(printable(text)).toBe(shown));

import { expect, test } from "bun:test";
import { anchorsOf, linksOf } from "./markdown-links.ts";

test("a heading's anchor is the one that GitHub gives it", () => {
  const page =
    "# What is kept, how long?\n## `./dev bench`: one run\n### A [link](x.md)\n## Twice\n## Twice\n```\n# a comment\n```\n";
  expect([...anchorsOf(page)]).toEqual(["what-is-kept-how-long", "dev-bench-one-run", "a-link", "twice", "twice-1"]);
});

test("links are found with their anchors; those to the web, and what stands in code, are not", () => {
  const page = "[a](docs/x.md#b), [c](#d), [e](../f/), [g](https://example.org/h#i) and `[j](k)`\n```\n[l](m)\n```\n";
  expect(linksOf(page)).toEqual([
    { path: "docs/x.md", anchor: "b" },
    { path: "", anchor: "d" },
    { path: "../f/", anchor: null },
  ]);
});

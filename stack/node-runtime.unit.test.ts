import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNode } from "./node-program.ts";
import { nodeCommand } from "./node-runtime.ts";
import type { StackContext } from "./service.ts";

const dir = mkdtempSync(join(tmpdir(), "stampede-node-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** A context whose Node answers with these words. */
function contextOf(answer: string, env: Record<string, string> = {}): StackContext {
  const path = join(dir, `node-${Bun.hash(answer)}`);
  writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`, { mode: 0o755 });
  return { config: { STAMPEDE_NODE: path }, layout: { root: "/repo" }, env } as unknown as StackContext;
}

const node = (version: string, modules = "127") => JSON.stringify({ version, modules, platform: "linux", arch: "x64" });

test.each([
  ["20.12.0", "115", "node-v115-linux-x64"],
  ["22.23.3", "127", "node-v127-linux-x64"],
  ["23.11.1", "131", "node-v131-linux-x64"],
])("Node %s is taken, and its addon's target is known", (version, modules, target) => {
  expect(findNode(contextOf(node(version, modules)))).toMatchObject({ version, target });
});

test.each(["18.20.0", "20.11.1", "24.0.0"])("Node %s is refused, with what to do", (version) => {
  expect(() => findNode(contextOf(node(version)))).toThrow(
    new RegExp(`^--runtime node needs Node.js 20.12 to 23, and .* is ${version}: name another one in STAMPEDE_NODE$`),
  );
});

test.each(["", "Segmentation fault"])("a program that answers %p is no Node", (answer) => {
  expect(() => findNode(contextOf(answer))).toThrow("does not run: name another one in STAMPEDE_NODE");
});

test("a Node that is not there is refused with its path", () => {
  const context = { config: { STAMPEDE_NODE: "/nonexistent/node" } } as unknown as StackContext;
  expect(() => findNode(context)).toThrow("/nonexistent/node does not run");
});

test("the programs run with source maps and enough worker threads, unless somebody chose otherwise", () => {
  const context = contextOf(node("22.0.0"), { JWT_SECRET: "s" });
  const { argv, env } = nodeCommand(context, "consumers");
  expect(argv).toEqual([context.config.STAMPEDE_NODE!, "--enable-source-maps", "/repo/dist/consumers.mjs"]);
  expect(env).toEqual({ UV_THREADPOOL_SIZE: "16", JWT_SECRET: "s" });
  const chosen = contextOf(node("22.0.0"), { UV_THREADPOOL_SIZE: "4" });
  expect(nodeCommand(chosen, "gateway").env).toEqual({ UV_THREADPOOL_SIZE: "4" });
});

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readImportGraph } from "../cli/testing/import-graph.ts";
import { CliError } from "./errors.ts";
import { findNode } from "./node-program.ts";
import { nodeCommand, sourcesOf } from "./node-runtime.ts";
import type { StackContext } from "./service.ts";

const root = resolve(import.meta.dir, "..");
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
  ["20.20.2", "115", "node-v115-linux-x64"],
  ["22.0.0", "127", "node-v127-linux-x64"],
  ["22.23.3", "127", "node-v127-linux-x64"],
])("Node %s is taken, and its addon's target is known", (version, modules, target) => {
  expect(findNode(contextOf(node(version, modules)))).toMatchObject({ version, target });
});

test.each([
  ["18.20.0", "it lacks crypto.hash, which came with 20.12"],
  ["20.11.1", "it lacks crypto.hash, which came with 20.12"],
  ["21.7.3", "uWebSockets.js 20.51.4 has no binary for Node.js 21"],
  ["23.11.1", "Node.js 23 gets no security fixes any more, and it is not tested"],
  ["24.0.0", "uWebSockets.js 20.51.4 has no binary for Node.js 24"],
  ["24.21.0", "uWebSockets.js 20.51.4 has no binary for Node.js 24"],
  ["26.1.0", "uWebSockets.js 20.51.4 has no binary for Node.js 26"],
])("Node %s is refused with the reason and with what to do", (version, reason) => {
  const context = contextOf(node(version));
  expect(() => findNode(context)).toThrow(
    new CliError(
      `--runtime node needs Node.js 20 (20.12 or newer) or 22, and ${context.config.STAMPEDE_NODE} is ${version}: ${reason}; install Node.js 22 (https://nodejs.org), or name it in STAMPEDE_NODE`,
    ),
  );
});

test("uWebSockets.js has a binary for each Node that is taken, and none for those refused for lack of one", () => {
  const has = (abi: string) =>
    existsSync(join(root, `node_modules/uWebSockets.js/uws_${process.platform}_${process.arch}_${abi}.node.js`));
  expect(["115", "127"].map(has)).toEqual([true, true]); // Node 20, 22
  expect(["120", "137", "147"].map(has)).toEqual([false, false, false]); // Node 21, 24, 26
});

test("all that the programs import is among the sources whose change builds them anew", () => {
  const graph = readImportGraph(root);
  const programs = ["gateway/main.node.ts", "consumers/main.node.ts"];
  const imported = [...graph.files].filter((file) => {
    const importers = graph.reaching([file]);
    return programs.some((program) => importers.has(program));
  });
  expect(imported.length).toBeGreaterThan(300);
  const sources = new Set(sourcesOf(root));
  expect(imported.filter((file) => !sources.has(file))).toEqual([]);
  expect(sources).toContain("patches/postgres@3.4.9.patch");
  expect(sources).toContain("verify/verify.ts");
});

test.each(["", "Segmentation fault"])("a program that answers %p is no Node", (answer) => {
  expect(() => findNode(contextOf(answer))).toThrow("does not run: name another one in STAMPEDE_NODE");
});

test("a Node that is not there is refused with its path", () => {
  const context = { config: { STAMPEDE_NODE: "/nonexistent/node" } } as unknown as StackContext;
  expect(() => findNode(context)).toThrow("/nonexistent/node does not run");
});

test("the programs run with source maps and enough worker threads, unless the environment says otherwise", () => {
  const context = contextOf(node("22.0.0"), { JWT_SECRET: "s" });
  const { argv, env } = nodeCommand(context, "consumers");
  expect(argv).toEqual([context.config.STAMPEDE_NODE!, "--enable-source-maps", "/repo/dist/consumers.mjs"]);
  expect(env).toEqual({ UV_THREADPOOL_SIZE: "16", JWT_SECRET: "s" });
  const chosen = contextOf(node("22.0.0"), { UV_THREADPOOL_SIZE: "4" });
  expect(nodeCommand(chosen, "gateway").env).toEqual({ UV_THREADPOOL_SIZE: "4" });
});

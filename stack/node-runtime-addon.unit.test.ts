import { afterEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layoutOf } from "./layout.ts";
import type { NodeProgram } from "./node-program.ts";
import { ensureAddon } from "./node-runtime-addon.ts";
import { ADDON } from "./node-runtime-addon-home.ts";
import { prebuiltUrl } from "./node-runtime-prebuilt.ts";
import type { StackContext } from "./service.ts";

const TARGET = "node-v127-linux-x64";
const BINARY = "confluent-kafka-javascript.node";
let root: string;
let server: ReturnType<typeof Bun.serve> | undefined;
afterEach(async () => {
  await server?.stop(true);
  server = undefined;
  rmSync(root, { recursive: true, force: true });
});

/** A repository whose addon's makers publish at `host`, and a Node that loads what begins with "good". */
function repository(host: string): { context: StackContext; node: NodeProgram; said: string[]; binary: string } {
  root = mkdtempSync(join(tmpdir(), "stampede-addon-"));
  const home = join(root, "node_modules", ADDON);
  mkdirSync(home, { recursive: true });
  const names = { module_name: "kafka", remote_path: "v{version}", package_name: "{module_name}-{node_abi}.tar.gz" };
  writeFileSync(join(home, "package.json"), JSON.stringify({ version: "1.2.3", binary: { host, ...names } }));
  const binary = join(home, "lib", "binding", TARGET, BINARY);
  const path = join(root, "node");
  writeFileSync(path, `#!/bin/sh\ngrep -q ^good ${binary}\n`, { mode: 0o755 });
  const said: string[] = [];
  const say = (name: string, text: string) => void said.push(`${name}: ${text}`);
  const progress = { begin: say, done: say, failed: say };
  allow([]);
  const context = { layout: layoutOf(root, join(root, ".stack")), progress } as unknown as StackContext;
  return { context, node: { path, version: "22.0.0", target: TARGET }, said, binary };
}

const ARCHIVE = "kafka-node-v127.tar.gz";
const sumOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What the repository's list of downloads says about the makers' archives. */
function allow(archives: readonly Uint8Array[]): void {
  mkdirSync(join(root, "ops"), { recursive: true });
  const addon = archives.map((bytes) => ({
    file: ARCHIVE,
    purl: "pkg:npm/kafka",
    license: "MIT",
    sha256: sumOf(bytes),
  }));
  writeFileSync(join(root, "ops/downloads.json"), JSON.stringify({ bun: [], kafka: [], addon }));
}

/** Serves an archive with one file, as the makers do. */
async function publish(content: string | null): Promise<{ host: string; asked: string[]; archive: Uint8Array }> {
  const asked: string[] = [];
  const packed = mkdtempSync(join(tmpdir(), "stampede-archive-"));
  mkdirSync(join(packed, "Release"));
  writeFileSync(join(packed, "Release", BINARY), content ?? "");
  const tar = Bun.spawnSync(["tar", "-cz", "-C", packed, "Release"]).stdout;
  rmSync(packed, { recursive: true });
  const archive = new Uint8Array(content === null ? Buffer.from("<html>") : tar);
  server = Bun.serve({
    port: 0,
    fetch(request) {
      asked.push(new URL(request.url).pathname);
      return new Response(archive);
    },
  });
  return { host: `http://127.0.0.1:${server.port}`, asked, archive };
}

test("what Node can load already is left as it is", async () => {
  const { host, asked } = await publish("good");
  const { context, node, said, binary } = repository(host);
  mkdirSync(join(root, ".stack/tools/kafka-addon/1.2.3", TARGET), { recursive: true });
  writeFileSync(join(root, ".stack/tools/kafka-addon/1.2.3", TARGET, BINARY), "good");
  await ensureAddon(context, node);
  expect(existsSync(binary)).toBe(true);
  expect([...asked, ...said]).toEqual([]);
});

test("the makers' binary is taken where there is one, into a store that outlives node_modules", async () => {
  const { host, asked, archive } = await publish("good");
  const { context, node, said, binary } = repository(host);
  allow([archive]);
  await ensureAddon(context, node);
  expect(asked).toEqual(["/v1.2.3/kafka-node-v127.tar.gz"]);
  expect(said).toEqual([
    "addon: fetching Kafka for Node 22.0.0, once (20 MB)",
    expect.stringMatching(/^addon: Kafka for Node 22\.0\.0 fetched in [\d.]+ s$/),
  ]);
  expect(existsSync(binary)).toBe(true);
  expect(readlinkSync(join(root, "node_modules", ADDON, "lib/binding"))).toBe(
    join(root, ".stack/tools/kafka-addon/1.2.3"),
  );
});

test.each([
  ["a binary that this Node cannot load", "bad"],
  ["something that is no archive", null],
] as const)("%s is compiled anew", async (_, content) => {
  const { host, archive } = await publish(content);
  const { context, node, binary } = repository(host);
  allow([archive]);
  let built = 0;
  await ensureAddon(context, node, async () => {
    built++;
    mkdirSync(join(binary, ".."), { recursive: true });
    writeFileSync(binary, "good");
  });
  expect(built).toBe(1);
  await ensureAddon(context, node, () => Promise.reject(new Error("compiled twice")));
});

test("an archive with another sum than the list's is refused, and nothing of it stays", async () => {
  const { host } = await publish("good");
  const { context, node, binary } = repository(host);
  allow([Buffer.from("what the makers published")]);
  const outcome = ensureAddon(context, node, () => Promise.reject(new Error("compiled")));
  await expect(outcome).rejects.toThrow(/^kafka-node-v127\.tar\.gz has the SHA-256 .* and ops\/downloads\.json says/);
  expect(existsSync(binary)).toBe(false);
  expect(existsSync(join(binary, "..", ARCHIVE))).toBe(false);
});

test("an archive that is not in the list is not asked for", async () => {
  const { host, asked } = await publish("good");
  const { context, node } = repository(host);
  await expect(ensureAddon(context, node, () => Promise.reject(new Error("compiled")))).rejects.toThrow("compiled");
  expect(asked).toEqual([]);
});

test("what was compiled and cannot be loaded all the same is said, with the log's place", async () => {
  const { host } = await publish(null);
  const { context, node } = repository(host);
  const outcome = ensureAddon(context, node, async () => {});
  await expect(outcome).rejects.toThrow(/was built, but Node 22\.0\.0 cannot load it: see .*log/);
});

test("the address of a binary is what the package says, without doubled slashes", () => {
  const { context, node } = repository("https://example.com/packages/");
  const home = { package: join(context.layout.root, "node_modules", ADDON), version: "1.2.3", store: "" };
  expect(prebuiltUrl(home, node)).toBe("https://example.com/packages/v1.2.3/kafka-node-v127.tar.gz");
});

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import packageJson from "../../package.json";
import { type ChangesetOptions, changesetArguments, runTool } from "./contributor.ts";

const root = resolve(import.meta.dir, "../..");

test.each([
  [{}, ["add"]],
  [{ status: true }, ["status"]],
  [{ release: true }, ["version"]],
  [{ bump: "minor", message: "New" }, ["add", "--minor", "stampede", "-m", "New"]],
] as const)("a changeset with %j", (options: ChangesetOptions, argv) => {
  expect(changesetArguments(options)).toEqual([...argv]);
});

test.each([[{ bump: "patch" }], [{ message: "New" }], [{ bump: "patch", message: " " }]] as const)(
  "half a changeset is refused: %j",
  (options: ChangesetOptions) => {
    expect(() => changesetArguments(options)).toThrow("--bump and --message belong together");
  },
);

test("the changesets are for this package, which is private and still gets versions", async () => {
  expect(packageJson).toMatchObject({ name: "stampede", private: true });
  const config = await Bun.file(resolve(root, ".changeset/config.json")).json();
  expect(config).toMatchObject({ commit: false, access: "restricted", privatePackages: { version: true, tag: false } });
});

test("the changelog begins with the version of package.json, under a heading that changesets writes", async () => {
  const [first] = (await Bun.file(resolve(root, "CHANGELOG.md")).text()).match(/^## .*$/m)!;
  expect(first).toBe(`## ${packageJson.version}`);
});

test("the tools are there, and a tool's exit code is the command's", async () => {
  for (const tool of ["node_modules/@changesets/cli/bin.js", "node_modules/.bin/biome", "docs/generate.ts"]) {
    expect(existsSync(resolve(root, tool))).toBe(true);
  }
  expect(await runTool(["sh", "-c", "exit 3"])).toBe(3);
});

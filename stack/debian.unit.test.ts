import { expect, test } from "bun:test";
import { instead } from "./debian.ts";

const root = { hasApt: true, isRoot: true };

test("root on Debian installs instead of explaining", () => expect(instead(root, ["make"])).toBeNull());

test.each([
  ["a user is told the command", { ...root, isRoot: false }, "run `sudo apt-get install -y g++ make` "],
  ["where there is no apt-get the packages are named", { ...root, hasApt: false }, "what Debian calls g++ make "],
] as const)("%s, and what it is for", (_, installer, words) => {
  const compiling = instead(installer, ["g++", "make"], "to compile Kafka for Node 22.1.0");
  expect(compiling).toContain(words);
  expect(compiling).toContain("to compile Kafka for Node 22.1.0, then try again");
  expect(compiling).not.toContain("Docker"); // would not help: the programs are ours
  expect(instead(installer, ["g++", "make"])).toContain("(or start Docker), then try again");
});

import { expect, test } from "bun:test";
import { missingTools, type Toolbox } from "./node-runtime-tools.ts";

const full: Toolbox = { platform: "linux", hasProgram: () => true, hasHeader: () => true };

test("a machine with everything lacks nothing", () => expect(missingTools(full)).toEqual([]));

test("what is missing is named as Debian calls it: programs first, then headers", () => {
  const lacking: Toolbox = {
    ...full,
    hasProgram: (name) => name === "make",
    hasHeader: (path) => path !== "zlib.h" && path !== "curl/curl.h",
  };
  expect(missingTools(lacking)).toEqual(["g++", "python3", "libcurl4-openssl-dev", "zlib1g-dev"]);
});

test("a machine with nothing lacks eight packages, none of them twice", () => {
  const packages = missingTools({ ...full, hasProgram: () => false, hasHeader: () => false });
  expect(new Set(packages).size).toBe(8);
});

test("on macOS Apple's tools bring the headers, and a missing one is explained", () => {
  expect(missingTools({ ...full, platform: "darwin", hasHeader: () => false })).toEqual([]);
  expect(() => missingTools({ ...full, platform: "darwin", hasProgram: (name) => name !== "g++" })).toThrow(
    "g++ is missing to compile the Kafka addon: run `xcode-select --install`",
  );
});

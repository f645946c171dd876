import { expect, test } from "bun:test";
import { buildersWords } from "./node-runtime-build.ts";

const GYP = `gyp info it worked if it ends with ok
gyp info using node@22.1.0 | linux | x64`;
const END = `gyp ERR! build error
gyp ERR! stack Error: \`make\` failed with exit code: 2
gyp ERR! not ok`;

test("of a build that failed the compiler's complaint is told, not make's or node-gyp's", () => {
  const errors = `${GYP}
../src/connection.cc:12:10: fatal error: nan.h: No such file or directory
make: *** [Makefile:1: x.o] Error 1
${END}`;
  expect(buildersWords(errors)).toBe("../src/connection.cc:12:10: fatal error: nan.h: No such file or directory");
});

test("without a network the missing headers are told, with what helps", () => {
  const errors = `${GYP}
gyp http GET https://nodejs.org/download/release/v22.1.0/node-v22.1.0-headers.tar.gz
gyp ERR! stack is related to network connectivity.
${END}`;
  expect(buildersWords(errors)).toContain("Node's headers cannot be fetched: name a Node.js in STAMPEDE_NODE");
});

test("a build that fetched its headers and then failed is the compiler's matter", () => {
  const errors = `gyp http GET https://nodejs.org/x-headers.tar.gz\ncc1plus: out of memory\n${END}`;
  expect(buildersWords(errors)).toBe("cc1plus: out of memory");
});

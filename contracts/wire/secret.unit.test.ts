import { expect, test } from "bun:test";
import { format, inspect } from "node:util";
import pino from "pino";
import { SecretValue } from "./secret.ts";

const secret = new SecretValue("hunter2 hunter2");

test("a secret is printed as a mask, however it is printed", () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  log.info({ secret, config: { nested: [secret] } }, `with ${secret}`);
  const printed = [
    String(secret),
    `${secret}`,
    `${{ secret }.secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    Bun.inspect({ secret }),
    format("%s %o %j", secret, secret, secret),
    Object.values({ ...secret }).join(),
    Object.keys(secret).join(),
    new Error(`wrong: ${secret}`).message,
    ...lines,
  ];
  for (const text of printed) expect(text).not.toContain("hunter");
  expect(lines.join()).toContain("[secret]");
});

test("its text is given to who asks for it by name", () => {
  expect(secret.reveal()).toBe("hunter2 hunter2");
  expect([secret.isSet, new SecretValue("").isSet]).toEqual([true, false]);
});

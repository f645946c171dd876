import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newReceiptKey, type StoredReceiptKey } from "../contracts/claims/receipt-keys.ts";
import { readConfig } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "stampede-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
function fileOf(text: string): string {
  const file = join(folder, `keys-${++files}.json`);
  writeFileSync(file, text);
  return file;
}
const fileOfKeys = (...keys: StoredReceiptKey[]) => fileOf(JSON.stringify({ keys }));
const key = (kid: string, inMs: number) => newReceiptKey(kid, new Date(Date.now() + inMs));

const JWT_SECRET = "a secret of at least thirty-two bytes";
const RECEIPT_KEYS_FILE = fileOfKeys(key("now", -1_000));
const config = (environment: Record<string, string>) => readConfig({ JWT_SECRET, RECEIPT_KEYS_FILE, ...environment });

test("origins are what browsers send, however an operator copied them", () => {
  const { allowedOrigins } = config({
    ALLOWED_ORIGINS:
      "https://Shop.example/, http://127.0.0.1:3000,https://a.example:443 ,https://[::1]:8443/,app://x,null,",
  });
  expect([...allowedOrigins]).toEqual([
    "https://shop.example",
    "http://127.0.0.1:3000",
    "https://a.example",
    "https://[::1]:8443",
    "app://x",
    "null",
  ]);
});

test.each([
  "https://shop.example/path",
  "shop.example",
  "https://",
  "*",
  "https://*.example",
  "https://u:p@x",
  "https://x?y",
])("an origin written as %s is refused with a sentence", (text) => {
  expect(() => config({ ALLOWED_ORIGINS: `https://ok.example,${text}` })).toThrow(
    `ALLOWED_ORIGINS: "${text}" is no origin; write scheme://host`,
  );
});

test("a host may be an IPv6 address, with the brackets of a URL or without", () => {
  expect(config({ GATEWAY_HOST: "[::1]" }).GATEWAY_HOST).toBe("::1");
  expect(config({ GATEWAY_HOST: "::1" }).GATEWAY_HOST).toBe("::1");
});

test.each(["JWT_SECRET", "RECEIPT_SECRET", "PAYMENT_WEBHOOK_SECRET"] as const)(
  "a %s that can be guessed stops the start and is not repeated",
  (name) => {
    const short = () => config({ [name]: "x".repeat(31) });
    expect(short).toThrow(`${name}: must be at least 32 bytes long`);
    expect(short).not.toThrow(/xxx/);
    const good = config({ [name]: "ü".repeat(16) });
    expect(good[name].reveal()).toBe("ü".repeat(16));
    expect(`${JSON.stringify(good)}${Bun.inspect(good)}`).not.toContain("üü");
  },
);

test("the webhook secrets are the present one and, during a change, the one before", () => {
  const [now, before] = ["n".repeat(32), "b".repeat(32)];
  const secretsOf = (environment: Record<string, string>) =>
    config(environment).webhookSecrets.map((secret) => secret.reveal());
  expect(secretsOf({})).toEqual([]);
  expect(secretsOf({ PAYMENT_WEBHOOK_SECRET: now, PAYMENT_WEBHOOK_SECRET_PREVIOUS: before })).toEqual([now, before]);
  expect(() => secretsOf({ PAYMENT_WEBHOOK_SECRET_PREVIOUS: before })).toThrow("only together with");
});

test.each([
  ["POINTS_CURRENCY", "euro", "three capital letters like EUR"],
  ["ORDER_COUNTRY", "Germany", "two capital letters like DE"],
  ["SHIPPING_COUNTRIES", "DE, AT", "two capital letters each, with commas and no spaces"],
  ["ISSUE_PIPELINE", "101", "kafka, redis, or a whole number from 0 to 100"],
  ["GATEWAY_ID", "gateway one", "up to 64 printable ASCII characters without spaces"],
])("%s=%s is refused with its form", (name, text, form) => {
  expect(() => config({ [name]: text })).toThrow(`${name}=${text}: must be ${form}`);
});

test("a number that is none stops the start with its name", () => {
  expect(() => config({ CLAIM_ACK_MS: "1e3" })).toThrow("CLAIM_ACK_MS=1e3: must be a whole number from 1 to 60000");
});

test("without keys for receipts a gateway does not start, and says what makes them", () => {
  expect(() => readConfig({ JWT_SECRET })).toThrow(/RECEIPT_KEYS_FILE is missing .*\.\/dev receipt key/);
});

test("the next key may stand in the file before it signs, and the last one's private part may be gone", () => {
  const { d: _, ...retired } = key("old", -2_000);
  const { receiptKeys } = config({ RECEIPT_KEYS_FILE: fileOfKeys(key("next", 60_000), key("now", -1_000), retired) });
  expect(receiptKeys.map(({ id }) => id)).toEqual(["old", "now", "next"]);
});

test("keys that cannot sign stop the start with a sentence that has no secret", () => {
  const now = key("now", -1_000);
  const { d, ...withoutSecret } = now;
  const cases: readonly (readonly [string, string])[] = [
    [join(folder, "none.json"), "it can't be read (ENOENT)"],
    [folder, "it can't be read (EISDIR)"],
    [fileOf("{"), 'it is not of the form {"keys":[{"kid":…},…]}'],
    [fileOf("[]"), 'it is not of the form {"keys":[{"kid":…},…]}'],
    [fileOfKeys(), 'it is not of the form {"keys":[{"kid":…},…]}'],
    [fileOfKeys(key("later", 60_000)), "no key may sign yet"],
    [fileOfKeys(withoutSecret), "key now is to sign and has no private part `d`"],
    [fileOfKeys(key("old", -2_000), withoutSecret), "key now is to sign and has no private part `d`"],
    [fileOfKeys({ ...now, x: key("other", 0).x }), "the parts `x` and `d` of key now do not belong together"],
  ];
  for (const [file, why] of cases) {
    const start = () => config({ RECEIPT_KEYS_FILE: file });
    expect(start).toThrow(`RECEIPT_KEYS_FILE=${file}: ${why}`);
    expect(start).not.toThrow(d!);
  }
});

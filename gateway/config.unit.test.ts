import { expect, test } from "bun:test";
import { readConfig } from "./config.ts";

const JWT_SECRET = "a secret of at least thirty-two bytes";
const config = (environment: Record<string, string>) => readConfig({ JWT_SECRET, ...environment });

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

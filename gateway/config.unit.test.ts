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

test("a number that is none stops the start with its name", () => {
  expect(() => config({ CLAIM_ACK_MS: "1e3" })).toThrow("CLAIM_ACK_MS=1e3: must be a whole number from 1 to 60000");
});

import { expect, test } from "bun:test";
import { environmentFor } from "./process-environment.ts";
import { SERVICES } from "./service-names.ts";

const SURROUNDINGS = { PATH: "/bin", HOME: "/h", TZ: "UTC", LANG: "C" };
const EVERYTHING = {
  ...SURROUNDINGS,
  JWT_SECRET: "j",
  JWT_SECRET_FILE: "/j",
  RECEIPT_KEYS_FILE: "/r",
  PAYMENT_PROVIDER_KEY: "p",
  PAYMENT_WEBHOOK_SECRET: "w",
  DATABASE_URL: "d",
  REDIS_URL: "r",
  PGPASSWORD: "pg",
  AWS_SECRET_ACCESS_KEY: "aws",
  NODE_OPTIONS: "--x",
  HTTPS_PROXY: "proxy",
  JAVA_HOME: "/java",
  PAYMENT_WEBHOOK_URL: "http://x",
};

const extras = (service: (typeof SERVICES)[number]) =>
  Object.keys(environmentFor(service, EVERYTHING)).filter((name) => !(name in SURROUNDINGS));

test("a process gets the variables of its schema and of its runtime, and no other secret", () => {
  const common = ["DATABASE_URL", "REDIS_URL", "NODE_OPTIONS", "HTTPS_PROXY"];
  expect(extras("gateway").sort()).toEqual(
    [...common, "JWT_SECRET", "JWT_SECRET_FILE", "RECEIPT_KEYS_FILE", "PAYMENT_WEBHOOK_SECRET"].sort(),
  );
  expect(extras("consumers").sort()).toEqual([...common, "PAYMENT_PROVIDER_KEY"].sort());
  expect(extras("payment-simulator").sort()).toEqual(
    ["NODE_OPTIONS", "HTTPS_PROXY", "PAYMENT_WEBHOOK_SECRET", "PAYMENT_WEBHOOK_URL"].sort(),
  );
  expect(extras("redis")).toEqual([]);
  expect(extras("postgres")).toEqual([]);
  expect(extras("kafka")).toEqual(["JAVA_HOME"]);
});

test("every process gets what every program needs", () => {
  for (const service of SERVICES) expect(environmentFor(service, EVERYTHING)).toMatchObject(SURROUNDINGS);
});

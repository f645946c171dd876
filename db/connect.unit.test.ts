import { expect, test } from "bun:test";
import { addressesOf } from "./connect.ts";

test.each([
  ["postgres://u@[::1]:5433/db", { host: ["::1"], port: [5433] }],
  ["postgres://u:p%40@[::1]/db?sslmode=disable", { host: ["::1"], port: [5432] }],
  ["postgres://u@[::1]:5433,10.0.0.2:5434/db", { host: ["::1", "10.0.0.2"], port: [5433, 5434] }],
  ["postgres://u@127.0.0.1:5432/db", {}],
  ["postgres://u@db-1,db-2:5433/db", {}],
  ["postgres://u@/db?host=[x]", {}],
])("%s", (url, expected) => {
  expect(addressesOf(url)).toEqual(expected as never);
});

import { expect, test } from "bun:test";
import { bareHost, hostAndPort, urlHost } from "./address.ts";

test("an IPv6 address has brackets in a URL and none in a socket", () => {
  expect(["::1", "[::1]", "10.0.0.1", "kafka-1"].map(urlHost)).toEqual(["[::1]", "[::1]", "10.0.0.1", "kafka-1"]);
  expect(["::1", "[::1]", "10.0.0.1"].map(bareHost)).toEqual(["::1", "::1", "10.0.0.1"]);
});

test.each([
  ["kafka-1:19092", "kafka-1", 19092],
  ["kafka-1", "kafka-1", 9092],
  ["[::1]:19092", "::1", 19092],
  ["[fe80::1%eth0]", "fe80::1%eth0", 9092],
])("%s is a host and a port", (text, host, port) => {
  expect(hostAndPort(text, 9092)).toEqual({ host, port });
});

import { expect, test } from "bun:test";
import { isIP, SocketAddress } from "node:net";
import fc from "fast-check";
import { ipText, isIpv4, isLoopback, Networks, parseIp } from "./ip-address.ts";

const dotted = fc.ipV4();
const colons = fc.ipV6();

test("an address is read if and only if Node reads it", () => {
  const almost = fc
    .tuple(fc.oneof(dotted, colons), fc.nat(40), fc.constantFrom("", ":", "::", ".", "0", "g", "%", " "))
    .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(dotted, colons, almost), (text) => {
      if (text.includes("%")) return;
      expect([text, parseIp(text) !== undefined]).toEqual([text, isIP(text) !== 0]);
    }),
    { numRuns: 3_000 },
  );
});

test("the text of an address is Node's", () => {
  fc.assert(
    fc.property(colons, (text) => {
      const ip = parseIp(text)!;
      const expected = new SocketAddress({ address: text, family: "ipv6" }).address;
      if (isIpv4(ip)) expect(`::ffff:${ipText(ip)}`).toBe(expected);
      else expect([...parseIp(ipText(ip))!]).toEqual([...ip]);
    }),
  );
  expect(ipText(parseIp("2001:0DB8:0:0::1")!)).toBe("2001:db8::1");
  fc.assert(fc.property(dotted, (text) => expect(ipText(parseIp(text)!)).toBe(text)));
});

test("an IPv4 address is the same one in both kinds of sockets", () => {
  fc.assert(fc.property(dotted, (text) => expect([...parseIp(`::ffff:${text}`)!]).toEqual([...parseIp(text)!])));
});

test.each([
  "",
  "1.2.3",
  "1.2.3.4.5",
  "01.2.3.4",
  "256.1.1.1",
  "1.2.3.4 ",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "::1.2.3",
  "12345::",
  "1.2.3.4:80",
  "[::1]",
  "x".repeat(10_000),
])("%p is no address", (text) => expect(parseIp(text)).toBeUndefined());

test("loopback is 127.0.0.0/8 and ::1, in both kinds of sockets", () => {
  const isLocal = (text: string) => isLoopback(parseIp(text)!);
  expect(["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"].map(isLocal)).toEqual([true, true, true, true]);
  expect(["128.0.0.1", "::2", "::", "2001:db8::1", "1::1", "::ffff:1.0.0.1"].map(isLocal)).toEqual(
    Array(6).fill(false),
  );
});

test("a network has exactly the addresses with its prefix", () => {
  fc.assert(
    fc.property(colons, fc.nat(128), fc.nat(127), (text, prefix, flipped) => {
      const ip = parseIp(text)!;
      const network = Uint16Array.from(ip, (group, i) => group & maskOf(prefix, i));
      const networks = new Networks(`${hex(network)}/${prefix}`);
      expect(networks.has(ip)).toBe(true);
      const other = Uint16Array.from(ip);
      other[flipped >> 4]! ^= 0x8000 >> (flipped & 15);
      expect(networks.has(other)).toBe(flipped >= prefix);
    }),
  );
});

const maskOf = (prefix: number, group: number) => 0xffff & ~(0xffff >> Math.min(16, Math.max(0, prefix - group * 16)));
const hex = (groups: Uint16Array) => Array.from(groups, (group) => group.toString(16)).join(":");

test("a list may mix both kinds; an empty one has nobody", () => {
  const networks = new Networks(" 10.0.0.0/8, 192.0.2.7 ,2001:db8::/32,");
  const has = (text: string) => networks.has(parseIp(text)!);
  expect(["10.255.1.2", "192.0.2.7", "2001:db8:ffff::1", "::ffff:10.1.1.1"].map(has)).toEqual([true, true, true, true]);
  expect(["11.0.0.1", "192.0.2.8", "2001:db9::", "::1"].map(has)).toEqual([false, false, false, false]);
  expect(new Networks("").isEmpty).toBe(true);
  expect(new Networks("0.0.0.0/0").has(parseIp("2001:db8::1")!)).toBe(false); // all of IPv4 only
});

test.each([
  "10.0.0.0/33",
  "::/129",
  "10.0.0.1/8",
  "2001:db8::1/32",
  "proxy",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "1.2.3.4-1.2.3.9",
])("the list %p is refused with the wrong part in the message", (text) =>
  expect(() => new Networks(`127.0.0.1, ${text}`)).toThrow(JSON.stringify(text)),
);

import { expect, test } from "bun:test";
import fc from "fast-check";
import { clientAddress } from "./client-address.ts";
import { Networks } from "./ip-address.ts";

const TRUSTED = new Networks("10.0.0.0/8, 2001:db8:ffff::/48");

/** The address of a request from `peer` with these headers. */
function of(peer: string, headers: { list?: string; forwarded?: string } = {}, trusted = TRUSTED): string {
  const byName: Record<string, string | undefined> = { "x-forwarded-for": headers.list, forwarded: headers.forwarded };
  return clientAddress({ remoteAddress: peer, header: (name) => byName[name] }, trusted);
}

test("without trusted proxies, and from others, headers count for nothing", () => {
  expect(of("10.0.0.1", { list: "9.9.9.9" }, new Networks(""))).toBe("10.0.0.1");
  expect(of("8.8.8.8", { list: "9.9.9.9", forwarded: "for=9.9.9.9" })).toBe("8.8.8.8");
  expect(of("", { list: "9.9.9.9" })).toBe("");
});

test("no header is read unless proxies are trusted and the peer is one", () => {
  const unread = (remoteAddress: string, trusted: Networks) =>
    clientAddress(
      {
        remoteAddress,
        header: () => {
          throw new Error("read");
        },
      },
      trusted,
    );
  expect(unread("10.0.0.1", new Networks(""))).toBe("10.0.0.1");
  expect(unread("8.8.8.8", TRUSTED)).toBe("8.8.8.8");
});

test("X-Forwarded-For is read from the right, over trusted proxies", () => {
  expect(of("10.0.0.1", { list: "9.9.9.9" })).toBe("9.9.9.9");
  expect(of("10.0.0.1", { list: "6.6.6.6, 9.9.9.9, 10.2.2.2, 10.3.3.3" })).toBe("9.9.9.9");
  expect(of("::ffff:10.0.0.1", { list: "9.9.9.9:4711" })).toBe("9.9.9.9");
  expect(of("2001:db8:ffff::1", { list: "[2001:db8::9]:80" })).toBe("2001:db8::9");
  expect(of("10.0.0.1", { list: "10.2.2.2,10.3.3.3" })).toBe("10.2.2.2"); // all trusted: the one furthest away
});

test("a hop that is no address ends the way at the proxy that told it", () => {
  for (const wrong of ["unknown", "", "9.9.9", "9.9.9.9;", "[::1", "<script>"]) {
    expect(of("10.0.0.1", { list: `8.8.8.8, ${wrong}, 10.2.2.2` })).toBe("10.2.2.2");
  }
  expect(of("10.0.0.1", { list: "" })).toBe("10.0.0.1");
  expect(of("10.0.0.1", { list: "8.8.8.8," })).toBe("10.0.0.1");
});

test("Forwarded is read by RFC 7239", () => {
  expect(of("10.0.0.1", { forwarded: "for=9.9.9.9" })).toBe("9.9.9.9");
  expect(of("10.0.0.1", { forwarded: 'For="[2001:db8::9]:4711";proto=https;by=10.0.0.1' })).toBe("2001:db8::9");
  expect(of("10.0.0.1", { forwarded: 'for=6.6.6.6, for="9.9.9.9:80" ; host=shop.example, for=10.2.2.2' })).toBe(
    "9.9.9.9",
  );
  expect(of("10.0.0.1", { forwarded: "for=_hidden" })).toBe("10.0.0.1");
  expect(of("10.0.0.1", { forwarded: "for=unknown, for=10.2.2.2" })).toBe("10.2.2.2");
  expect(of("10.0.0.1", { forwarded: "proto=https" })).toBe("10.0.0.1");
  expect(of("10.0.0.1", { forwarded: "for=9.9.9.9;for=8.8.8.8" })).toBe("10.0.0.1");
});

test("text that a client puts into what a proxy quotes is not read as a hop", () => {
  for (const host of ["e, for=6.6.6.6", "e, for=6.6.6.6;x=", 'e, for=\\"6.6.6.6\\";x=', "e,for=6.6.6.6;y=z"]) {
    expect(of("10.0.0.1", { forwarded: `for=9.9.9.9;host="${host}"` })).toBe("10.0.0.1");
  }
});

test("both headers count if they agree, and neither if they do not", () => {
  expect(of("10.0.0.1", { list: "9.9.9.9", forwarded: "for=9.9.9.9" })).toBe("9.9.9.9");
  expect(of("10.0.0.1", { list: "9.9.9.9", forwarded: "for=6.6.6.6" })).toBe("10.0.0.1");
  expect(of("10.0.0.1", { list: "6.6.6.6", forwarded: "for=9.9.9.9" })).toBe("10.0.0.1");
});

test("whatever a client sends in these headers, a proxy that appends decides", () => {
  fc.assert(
    fc.property(fc.string(), fc.ipV4(), (forged, client) => {
      fc.pre(!client.startsWith("10."));
      expect(of("10.0.0.1", { list: `${forged}, ${client}` })).toBe(client);
      expect(of("10.0.0.1", { forwarded: `${forged}, for=${client}` })).toBe(client);
    }),
  );
});

test("long headers are read at their right end only", () => {
  const long = "6.6.6.6, ".repeat(100_000);
  expect(of("10.0.0.1", { list: `${long}9.9.9.9` })).toBe("9.9.9.9");
  const trusted = `9.9.9.9, ${"10.1.1.1, ".repeat(100_000)}10.1.1.1`;
  expect(of("10.0.0.1", { list: trusted })).toBe("10.1.1.1"); // not 9.9.9.9: beyond the bound
  expect(of("10.0.0.1", { list: "6".repeat(1_000_000) })).toBe("10.0.0.1");
});

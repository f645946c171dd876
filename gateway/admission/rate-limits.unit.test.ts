import { expect, test } from "bun:test";
import fc from "fast-check";
import type { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { Networks, parseIp } from "../http/ip-address.ts";
import { RateLimits } from "./rate-limits.ts";

const SLOW = { perSecond: 0.001, burst: 4 }; // so slow that no test sees a token come back

function rateLimits(proxies = "") {
  const refused: string[] = [];
  const made = new RateLimits({
    user: SLOW,
    address: SLOW,
    trustedProxies: new Networks(proxies),
    refusals: { refused: (kind) => void refused.push(kind) },
  });
  return { made, refused };
}

const from = (remoteAddress: string, list?: string) => ({
  remoteAddress,
  header: (name: string) => (name === "x-forwarded-for" ? list : undefined),
});

/** How many of `tries` calls of one token from this address pass. */
function passing(made: RateLimits, address: string, tries: number): number {
  let passed = 0;
  for (let i = 0; i < tries; i++) {
    try {
      made.spendAddress(from(address), 1);
      passed++;
    } catch (error) {
      const { code, retryAfterS } = error as StampedeError; // so slow a bucket: the longest wait that is told
      expect([code, retryAfterS]).toEqual(["RATE_LIMITED", 60]);
    }
  }
  return passed;
}

test("each user has a bucket, and each refusal is counted", () => {
  const { made, refused } = rateLimits();
  const ann = "ann" as UserId;
  expect([1, 2, 3, 4, 5].map(() => made.userWait(ann, 1) === 0)).toEqual([true, true, true, true, false]);
  expect(() => made.spendUser(ann, 0.2)).toThrow("Too many requests");
  expect(made.userWait("bob" as UserId, 4)).toBe(0);
  expect(refused).toEqual(["user", "user"]);
});

test("an IPv4 address has a bucket, the next one another", () => {
  const { made, refused } = rateLimits();
  expect(passing(made, "192.0.2.1", 6)).toBe(4);
  expect(passing(made, "192.0.2.2", 6)).toBe(4);
  expect(passing(made, "::ffff:192.0.2.1", 1)).toBe(0);
  expect(refused).toEqual(Array(5).fill("address"));
});

test("of IPv6 a /64 has a bucket, and a /48 that of eight", () => {
  const { made } = rateLimits();
  expect(passing(made, "2001:db8:1:1::1", 3)).toBe(3);
  expect(passing(made, "2001:db8:1:1:ffff:ffff:ffff:ffff", 3)).toBe(1);
  let passed = 4;
  for (let network = 2; network <= 1_000; network++)
    passed += passing(made, `2001:db8:1:${network.toString(16)}::1`, 1);
  expect(passed).toBe(8 * SLOW.burst);
  expect(passing(made, "2001:db8:2:1::1", 9)).toBe(4); // another site
});

test("requests that a network is refused take nothing from its neighbours", () => {
  const { made } = rateLimits();
  expect(passing(made, "2001:db8:1:1::1", 10_000)).toBe(4);
  expect(passing(made, "2001:db8:1:2::1", 10)).toBe(4);
});

test("keys of different addresses differ", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV6(), (four, six) => {
      fc.pre(!four.startsWith("127.") && six !== "::1" && !six.startsWith("::ffff:"));
      const { made } = rateLimits();
      expect(passing(made, four, 5)).toBe(4);
      expect(passing(made, six, 1)).toBe(1);
    }),
  );
});

test("this machine's addresses have no limit, unless they are proxies", () => {
  expect(passing(rateLimits().made, "127.0.0.1", 100)).toBe(100);
  expect(passing(rateLimits().made, "::1", 100)).toBe(100);
  const { made } = rateLimits("127.0.0.1");
  expect(passing(made, "127.0.0.1", 100)).toBe(4);
  const forwarded = () => made.spendAddress(from("127.0.0.1", "192.0.2.1"), 1);
  for (let i = 0; i < 4; i++) forwarded();
  expect(forwarded).toThrow("Too many requests");
});

test("claims of an address pay in samples, and each of them while it is refused", () => {
  const refused: string[] = [];
  const made = new RateLimits({
    user: SLOW,
    address: { perSecond: 0.001, burst: 320 },
    trustedProxies: new Networks(""),
    refusals: { refused: (kind) => void refused.push(kind) },
  });
  let read = 0;
  const request = {
    get remoteAddress() {
      read++;
      return "192.0.2.1";
    },
    header: () => undefined,
  };
  const claims = (n: number, nowMs: number) =>
    Array.from({ length: n }, () => made.claimWait(request, 1, nowMs)).filter((wait) => wait === 0).length;
  expect(claims(320, 0)).toBe(320);
  expect(read).toBe(20);
  expect(claims(16, 0)).toBe(15); // the sample is refused
  expect(claims(100, 1)).toBe(0); // and now all are
  expect(read).toBe(121);
  expect(claims(15, 10_000)).toBe(15); // a sample again
  expect(refused.length).toBe(101);
});

test("an address that the peer does not have is not limited", () => {
  expect(passing(rateLimits().made, "", 100)).toBe(100);
  expect(rateLimits().made.ipOf(from("192.0.2.1"))).toEqual(parseIp("192.0.2.1"));
});

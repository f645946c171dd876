import type { UserId } from "../../contracts/wire/ids.ts";
import { type AddressSource, clientIp } from "../http/client-address.ts";
import { type IpAddress, isIpv4, isLoopback, type Networks, parseIp } from "../http/ip-address.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { rateLimited } from "./refused.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Buckets that are remembered of users, and of addresses; a bucket takes about 100 bytes. */
const MAX_KEYS = 131_072;
/** A /48 of IPv6 is one site with 65,536 networks of /64. All of them together get this many times the tokens of one. */
const SITE_FACTOR = 8;
/** Of the claims, one in so many is looked at for its address, and pays for all of them: reading an address costs 1.4 µs on Bun. */
const CLAIM_SAMPLE = 16;
/** After a claim was refused for its address, every claim's address is looked at for so long. */
const ALERT_MS = 2_000;

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimitOptions {
  readonly user: Rate;
  readonly address: Rate;
  readonly trustedProxies: Networks;
  readonly refusals: Pick<RefusalLog, "refused">;
}

/** Keys are told apart by their length: 2 an IPv4 address, 4 a /64 of IPv6, 3 a /48. */
const keyOf = (ip: IpAddress): string =>
  isIpv4(ip) ? String.fromCharCode(ip[6]!, ip[7]!) : String.fromCharCode(ip[0]!, ip[1]!, ip[2]!, ip[3]!);
const siteOf = (ip: IpAddress): string => String.fromCharCode(ip[0]!, ip[1]!, ip[2]!);

/**
 * Who may ask how much: a bucket of tokens for each user and each address, spent by what a call costs (costs.ts). Per process: with n
 * gateways every user gets up to n times the rate, which is enough, because the limits keep one client from using up a gateway.
 *
 * This machine's addresses have no limit, unless they are trusted proxies: what comes from there without a proxy is a tool or a test.
 */
export class RateLimits {
  readonly #users: TokenBuckets;
  readonly #addresses: TokenBuckets;
  readonly #trusted: Networks;
  readonly #refusals: Pick<RefusalLog, "refused">;
  #claims = 0;
  #alertUntil = 0;

  constructor({ user, address, trustedProxies, refusals }: RateLimitOptions) {
    this.#users = new TokenBuckets(user.perSecond, user.burst, MAX_KEYS);
    this.#addresses = new TokenBuckets(address.perSecond, address.burst, MAX_KEYS);
    this.#trusted = trustedProxies;
    this.#refusals = refusals;
  }

  /** The client's address behind the trusted proxies; undefined: its peer has none. */
  ipOf(request: AddressSource): IpAddress | undefined {
    return clientIp(request, this.#trusted);
  }

  /** Takes tokens of a user. @throws StampedeError RATE_LIMITED */
  spendUser(userId: UserId, tokens: number): void {
    const wait = this.userWait(userId, tokens);
    if (wait > 0) throw rateLimited(wait);
  }

  /** The same without an error. @returns 0: taken; otherwise the milliseconds until the user has as many */
  userWait(userId: UserId, tokens: number): number {
    const wait = this.#users.spend(userId, tokens, performance.now());
    if (wait > 0) this.#refusals.refused("user", userId);
    return wait;
  }

  /** Takes tokens of a request's address. @throws StampedeError RATE_LIMITED */
  spendAddress(request: AddressSource, tokens: number): void {
    this.spendIp(this.ipOf(request), tokens);
  }

  /** The same for an address that is known. @throws StampedeError RATE_LIMITED */
  spendIp(ip: IpAddress | undefined, tokens: number): void {
    const wait = ip === undefined ? 0 : this.#ipWait(ip, tokens, performance.now());
    if (wait > 0) throw rateLimited(wait);
  }

  /** Takes tokens of an address (as text), and of its user if it is known. @returns as userWait */
  messageWait(userId: UserId | null, address: string, tokens: number): number {
    const ip = parseIp(address);
    const wait = ip === undefined ? 0 : this.#ipWait(ip, tokens, performance.now());
    return wait > 0 || userId === null ? wait : this.userWait(userId, tokens);
  }

  /**
   * Takes the tokens of a claim. Only a sample of the claims is looked at, each for all since the last one; once an address has
   * no tokens left, every claim is looked at for a while. @returns 0: taken; otherwise the milliseconds to wait
   */
  claimWait(request: AddressSource, tokens: number, nowMs: number): number {
    const isAlert = nowMs < this.#alertUntil;
    if (!isAlert && ++this.#claims < CLAIM_SAMPLE) return 0;
    this.#claims = 0;
    const ip = this.ipOf(request);
    const wait = ip === undefined ? 0 : this.#ipWait(ip, isAlert ? tokens : tokens * CLAIM_SAMPLE, nowMs);
    if (wait > 0) this.#alertUntil = nowMs + ALERT_MS;
    return wait;
  }

  #ipWait(ip: IpAddress, tokens: number, nowMs: number): number {
    if (isLoopback(ip) && !this.#trusted.has(ip)) return 0;
    // The network before the site: requests that are refused here take nothing from the neighbours.
    let wait = this.#addresses.spend(keyOf(ip), tokens, nowMs);
    if (wait === 0 && !isIpv4(ip)) wait = this.#addresses.spend(siteOf(ip), tokens / SITE_FACTOR, nowMs);
    if (wait > 0) this.#refusals.refused("address", ip);
    return wait;
  }
}

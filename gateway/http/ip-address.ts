/**
 * An IP address as eight groups of 16 bits. An IPv4 address is written as IPv6 writes it (`::ffff:a.b.c.d`), so that both kinds
 * are compared by the same code, and a socket of both kinds tells the same client alike.
 */
export type IpAddress = Uint16Array;

/** The longest text of an address, `ffff:` six times and an IPv4 address, with a zone. */
const MAX_TEXT = 64;
const IPV4_GROUP = 0xffff;

/** The 32 bits of `a.b.c.d`; -1: it is none. Leading zeros are refused, because some programs read them as octal. */
function ipv4Bits(text: string): number {
  if (text.length < 7 || text.length > 15) return -1;
  let bits = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i <= text.length; i++) {
    const digit = i === text.length ? 0x2e : text.charCodeAt(i);
    if (digit === 0x2e) {
      if (part < 0) return -1;
      bits = bits * 256 + part;
      part = -1;
      dots++;
    } else if (digit < 0x30 || digit > 0x39 || part === 0) return -1;
    else {
      part = (part < 0 ? 0 : part * 10) + digit - 0x30;
      if (part > 255) return -1;
    }
  }
  return dots === 4 ? bits : -1;
}

function withIpv4(groups: IpAddress, at: number, bits: number): void {
  groups[at] = bits >>> 16;
  groups[at + 1] = bits & 0xffff;
}

/** Fills groups with those of a text without `::`. `isEnd`: it may end with an IPv4 address. @returns how many; -1: malformed */
function fillGroups(text: string, groups: IpAddress, isEnd: boolean): number {
  if (text === "") return 0;
  const parts = text.split(":", 9);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (isEnd && i === parts.length - 1 && part.includes(".")) {
      const bits = ipv4Bits(part);
      if (bits < 0 || at > 6) return -1;
      withIpv4(groups, at, bits);
      at += 2;
    } else {
      if (at > 7 || !/^[0-9a-f]{1,4}$/i.test(part)) return -1;
      groups[at++] = Number.parseInt(part, 16);
    }
  }
  return at;
}

/** Reads an address without port or brackets; a zone (`%eth0`) is left out. undefined: it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const groups = new Uint16Array(8);
  if (!text.includes(":")) {
    const bits = ipv4Bits(text);
    if (bits < 0) return undefined;
    groups[5] = IPV4_GROUP;
    withIpv4(groups, 6, bits);
    return groups;
  }
  const zone = text.indexOf("%");
  const bare = zone < 0 ? text : text.slice(0, zone);
  const gap = bare.indexOf("::");
  if (gap < 0) return fillGroups(bare, groups, true) === 8 ? groups : undefined;
  const left = fillGroups(bare.slice(0, gap), groups, false);
  const tail = new Uint16Array(8);
  const right = fillGroups(bare.slice(gap + 2), tail, true);
  if (left < 0 || right < 0 || left + right > 7) return undefined;
  groups.set(tail.subarray(0, right), 8 - right);
  return groups;
}

export const isIpv4 = (ip: IpAddress): boolean =>
  ip[5] === IPV4_GROUP && (ip[0]! | ip[1]! | ip[2]! | ip[3]! | ip[4]!) === 0;

/** Whether the address is this machine's (127.0.0.0/8, ::1). */
export function isLoopback(ip: IpAddress): boolean {
  if (isIpv4(ip)) return ip[6]! >>> 8 === 127;
  return ip[7] === 1 && (ip[0]! | ip[1]! | ip[2]! | ip[3]! | ip[4]! | ip[5]! | ip[6]!) === 0;
}

/** The text by which logs name an address: dotted, or IPv6 in its short form. */
export function ipText(ip: IpAddress): string {
  if (isIpv4(ip)) return `${ip[6]! >>> 8}.${ip[6]! & 255}.${ip[7]! >>> 8}.${ip[7]! & 255}`;
  const groups = Array.from(ip, (group) => group.toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Networks, for example of trusted proxies. */
export class Networks {
  readonly #networks: readonly { readonly ip: IpAddress; readonly bits: number }[];

  /** @param list `10.0.0.0/8, 2001:db8::/32, 192.0.2.7`, comma-separated. @throws RangeError that names the wrong part */
  constructor(list: string) {
    this.#networks = list
      .split(",")
      .map((text) => text.trim())
      .filter((text) => text !== "")
      .map(parseNetwork);
  }

  get isEmpty(): boolean {
    return this.#networks.length === 0;
  }

  has(address: IpAddress): boolean {
    return this.#networks.some(({ ip, bits }) => isWithin(address, ip, bits));
  }
}

function parseNetwork(text: string): { ip: IpAddress; bits: number } {
  const [, address, length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const ip = address === undefined ? undefined : parseIp(address);
  if (ip === undefined) throw new RangeError(`${JSON.stringify(text)} is no network like 10.0.0.0/8 or 2001:db8::/32`);
  const isDotted = !address!.includes(":");
  const widest = isDotted ? 32 : 128;
  const prefix = length === undefined ? widest : Number(length);
  if (prefix > widest) throw new RangeError(`${JSON.stringify(text)}: a prefix has at most ${widest} bits`);
  const bits = isDotted ? prefix + 96 : prefix;
  const network = parseIp(address!)!;
  for (let bit = bits; bit < 128; bit++) network[bit >> 4]! &= ~(0x8000 >> (bit & 15));
  if (!network.every((group, i) => group === ip[i])) {
    throw new RangeError(
      `${JSON.stringify(text)} has bits beyond its prefix: ${ipText(network)}/${prefix} is the network`,
    );
  }
  return { ip, bits };
}

function isWithin(address: IpAddress, network: IpAddress, bits: number): boolean {
  const whole = bits >> 4;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = bits & 15;
  return rest === 0 || (address[whole]! ^ network[whole]!) >>> (16 - rest) === 0;
}

/** A place that looks like a secret. */
export interface Finding {
  /** 1-based. */
  readonly line: number;
  readonly kind: string;
  /** What was found; not for a log. */
  readonly text: string;
}

const KINDS: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: "private key", pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\\nr]*[A-Za-z0-9+/]{16,}/g },
  { kind: "private JWK", pattern: /"d"\s*:\s*"[\w-]{20,}"/g },
  { kind: "JWT", pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/g },
  { kind: "AWS key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { kind: "Google key", pattern: /\bAIza[\w-]{35}/g },
  { kind: "GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})/g },
  { kind: "GitLab token", pattern: /\bglpat-[\w-]{20}/g },
  { kind: "npm token", pattern: /\bnpm_[A-Za-z0-9]{36}/g },
  { kind: "Slack token", pattern: /\bxox[abprs]-[\w-]{10,}/g },
  { kind: "Stripe key", pattern: /\b[rs]k_live_[A-Za-z0-9]{16,}/g },
];

/** A name that says secret, and a value in quotes or at the end of the line. */
const ASSIGNED =
  /\b\w*(?:secret|passw(?:or)?d|token|api_?key|private_?key|credential)\w*["']?\s*[:=]\s*(?:"([\w+/=.~-]{20,})"|'([\w+/=.~-]{20,})'|`([\w+/=.~-]{20,})`|([\w+/=.~-]{20,})$)/gim;
/** `scheme://user:password@host` */
const IN_URL = /\b[a-z][a-z+]*:\/\/[^\s:/@"'`]+:([^\s:/@"'`$<{]{12,})@/gi;

/**
 * Bits a character of a random text in base64 has, nearly, at 20 characters and more; words and names have fewer:
 * `integration-secret-32-bytes` has 3.8, 32 random bytes in base64 5.0.
 */
const RANDOM_BITS = 4;

/** Shannon's entropy of a text, bits a character. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}

/** Random texts mix digits and letters; names of things in code do not. */
const looksRandom = (text: string) => entropyOf(text) >= RANDOM_BITS && /\d/.test(text) && /[A-Za-z]/.test(text);
const looksRandomHex = (text: string) => /^[0-9a-f]{32,}$/i.test(text) && entropyOf(text) >= 3;

/** What in a text looks like a secret: the forms of keys and tokens, and random values of names that say secret. */
export function findSecrets(text: string): Finding[] {
  const found: Finding[] = [];
  const add = (kind: string, at: number, what: string) =>
    found.push({ kind, line: text.slice(0, at).split("\n").length, text: what });
  for (const { kind, pattern } of KINDS) for (const match of text.matchAll(pattern)) add(kind, match.index, match[0]);
  for (const match of text.matchAll(ASSIGNED)) {
    const value = (match[1] ?? match[2] ?? match[3] ?? match[4])!;
    if (looksRandom(value) || looksRandomHex(value)) add("random value", match.index, value);
  }
  for (const match of text.matchAll(IN_URL)) {
    if (looksRandom(match[1]!) || looksRandomHex(match[1]!)) add("password in a URL", match.index, match[1]!);
  }
  return found;
}

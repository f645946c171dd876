import { createSecretKey, type KeyObject } from "node:crypto";
import { importJWK, type JWK } from "jose";

/** Algorithms of signatures that are accepted. Each key has exactly one of them. */
export type SignatureAlgorithm = "HS256" | "EdDSA" | "Ed25519" | "ES256" | "RS256";

/** A key with which tokens are verified. */
export interface VerificationKey {
  readonly kid: string | null;
  readonly algorithm: SignatureAlgorithm;
  /** HS256 only. */
  readonly secret: KeyObject | null;
  /** The public key of another algorithm. */
  readonly publicKey: CryptoKey | null;
  /** The same key has the same text; a key that stays in its set keeps the tokens that it verified. */
  readonly fingerprint: string;
  /** The key has left its set: tokens that it verified are not accepted any longer. */
  isRetired: boolean;
}

/** Larger than every set of keys that issuers publish; a rotation needs two or three keys. */
export const LARGEST_SET_BYTES = 65_536;
const MOST_KEYS = 64;
const LONGEST_KID = 256;
const RSA_BITS = { least: 2048, most: 8192 } as const;
/** RFC 7518 §3.2. */
const SECRET_BYTES = 32;
/** Members that only a private key has (RFC 7518 §6, RFC 8037). */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] as const;

const bytesOf = (text: unknown): Buffer | null =>
  typeof text === "string" && /^[A-Za-z0-9_-]+$/.test(text) ? Buffer.from(text, "base64url") : null;

/** Bits of a big-endian number. */
function bitsOf(number: Buffer): number {
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first) * 8 - Math.clz32(number[first]!) + 24;
}

interface Described {
  readonly algorithm: SignatureAlgorithm;
  /** Only the members that the algorithm needs. */
  readonly members: JWK;
}

type Judged = Described | { readonly fault: string };

const fault = (text: string) => ({ fault: text });

/** The algorithm of a key follows from its type; `alg` may only confirm it. */
function describe(jwk: Record<string, unknown>, allowSecrets: boolean): Judged {
  const { kty, crv, x, y, n, e, k, alg } = jwk as Record<string, string>;
  if (kty !== "oct" && PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined)) {
    return fault("is a private key: everybody who can read this set could sign tokens; publish only its public part");
  }
  switch (kty) {
    case "OKP":
      if (crv !== "Ed25519" || bytesOf(x)?.length !== 32) return fault("is not an Ed25519 key");
      if (alg !== undefined && alg !== "EdDSA" && alg !== "Ed25519")
        return fault("has an `alg` of another type of key");
      return { algorithm: alg ?? "EdDSA", members: { kty, crv, x: x! } };
    case "EC":
      if (crv !== "P-256" || bytesOf(x)?.length !== 32 || bytesOf(y)?.length !== 32) return fault("is not a P-256 key");
      if (alg !== undefined && alg !== "ES256") return fault("has an `alg` other than ES256");
      return { algorithm: "ES256", members: { kty, crv, x: x!, y: y! } };
    case "RSA": {
      const bits = bitsOf(bytesOf(n) ?? Buffer.alloc(0));
      if (bits < RSA_BITS.least || bits > RSA_BITS.most) {
        return fault(`is an RSA key of ${bits} bits; accepted are ${RSA_BITS.least} to ${RSA_BITS.most}`);
      }
      if (e !== "AQAB") return fault("has an RSA exponent other than 65537");
      if (alg !== undefined && alg !== "RS256") return fault("has an `alg` other than RS256");
      return { algorithm: "RS256", members: { kty, n: n!, e } };
    }
    case "oct":
      if (!allowSecrets) return fault("is a secret key, which nobody may publish");
      if ((bytesOf(k)?.length ?? 0) < SECRET_BYTES) return fault(`is shorter than ${SECRET_BYTES} bytes`);
      if (alg !== undefined && alg !== "HS256") return fault("has an `alg` other than HS256");
      return { algorithm: "HS256", members: { kty, k: k! } };
    default:
      return fault("has a type (`kty`) other than OKP, EC, RSA and oct");
  }
}

/** Why a key of the set is not for verifying tokens; undefined: it is. */
function otherPurpose({ use, key_ops: operations }: Record<string, unknown>): string | undefined {
  if (use !== undefined && use !== "sig") return "is not for signatures (`use`)";
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return "is not for verifying (`key_ops`)";
  }
  return undefined;
}

async function imported(kid: string, { algorithm, members }: Described): Promise<VerificationKey> {
  const isSecret = algorithm === "HS256";
  return {
    kid,
    algorithm,
    secret: isSecret ? createSecretKey(Buffer.from(members.k!, "base64url")) : null,
    publicKey: isSecret ? null : ((await importJWK(members, algorithm)) as CryptoKey),
    fingerprint: JSON.stringify([kid, algorithm, members]),
    isRetired: false,
  };
}

export interface KeySet {
  /** By `kid`. */
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** One sentence for each key that cannot be used, without any member of it. */
  readonly faults: readonly string[];
}

/**
 * Reads a JWK Set (RFC 7517). Keys of `before` that are still in it are the same objects.
 * @param allowSecrets whether `oct` keys (HS256) are accepted: from a file, never from a URL
 * @throws Error if the text is not a set of at most 64 keys
 */
export async function readJwks(
  text: string,
  allowSecrets: boolean,
  before: ReadonlyMap<string, VerificationKey> = new Map(),
): Promise<KeySet> {
  if (Buffer.byteLength(text) > LARGEST_SET_BYTES) throw new Error(`larger than ${LARGEST_SET_BYTES} bytes`);
  const listed = keysOf(text);
  const keys = new Map<string, VerificationKey>();
  const faults: string[] = [];
  for (const [i, jwk] of listed.entries()) {
    const place = `key ${i + 1} of ${listed.length}`;
    if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) {
      faults.push(`${place} is not an object`);
      continue;
    }
    const { kid } = jwk as { kid?: unknown };
    if (typeof kid !== "string" || kid === "" || kid.length > LONGEST_KID) {
      faults.push(`${place} has no \`kid\` of 1 to ${LONGEST_KID} characters`);
      continue;
    }
    const name = `${place} (${JSON.stringify(kid).slice(0, 80)})`;
    const other = otherPurpose(jwk as Record<string, unknown>);
    const judged = other === undefined ? describe(jwk as Record<string, unknown>, allowSecrets) : fault(other);
    if ("fault" in judged) faults.push(`${name} ${judged.fault}`);
    else if (keys.has(kid)) faults.push(`${name} has the \`kid\` of another key`);
    else {
      const key = await imported(kid, judged).catch(() => null);
      const same = before.get(kid);
      if (key === null) faults.push(`${name} is not a valid key`);
      else keys.set(kid, same?.fingerprint === key.fingerprint ? same : key);
    }
  }
  return { keys, faults };
}

function keysOf(text: string): readonly unknown[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    throw new Error("not JSON"); // the parser's message could quote a secret
  }
  const { keys } = (set ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('not a JWK Set: {"keys": […]}');
  if (keys.length > MOST_KEYS) throw new Error(`${keys.length} keys; at most ${MOST_KEYS} are accepted`);
  return keys;
}

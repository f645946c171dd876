import { LRUCache } from "lru-cache";
import type { Identity } from "./identity.ts";
import type { VerificationKey } from "./jwks.ts";

/** What a token said when its signature was verified. */
export interface VerifiedToken {
  readonly identity: Identity;
  readonly key: VerificationKey;
}

/** Bytes of token text that are kept: about 60,000 tokens of 500 characters. */
const LARGEST_BYTES = 32 * 1_048_576;
const MOST_TOKENS = 100_000;

/**
 * Tokens whose asymmetric signature was verified, so that the next request with the same token costs a lookup. The least
 * recently used ones leave first.
 */
export class VerifiedTokens {
  readonly #cache = new LRUCache<string, VerifiedToken>({
    max: MOST_TOKENS,
    maxSize: LARGEST_BYTES,
    sizeCalculation: (_, token) => token.length,
  });

  /** undefined: not known, or its key is not accepted any longer. An expired token is still here; its identity says so. */
  get(token: string): VerifiedToken | undefined {
    const found = this.#cache.get(token);
    if (found === undefined || !found.key.isRetired) return found;
    this.#cache.delete(token);
    return undefined;
  }

  set(token: string, verified: VerifiedToken): void {
    this.#cache.set(token, verified);
  }

  delete(token: string): void {
    this.#cache.delete(token);
  }

  get size(): number {
    return this.#cache.size;
  }
}

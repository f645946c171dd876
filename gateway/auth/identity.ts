import type { UserId } from "../../contracts/wire/ids.ts";
import type { OperatorRole } from "./roles.ts";

export interface Identity {
  readonly userId: UserId;
  /** What an operator may do; empty for customers. */
  readonly roles: readonly OperatorRole[];
  /** false: the token came from the issuer of operators, whose user ids are not those of customers. */
  readonly isCustomer: boolean;
  /** The token's `jti`; null: it has none, so it cannot be blocked alone. */
  readonly tokenId: string | null;
  /** When the token stops being accepted, leeway included: milliseconds since 1970. A socket ends then too. */
  readonly expiresAt: number;
}

/**
 * Who sent a token. HS256 tokens, and other tokens that were verified before, are answered at once; a promise is given only
 * while a signature of another algorithm is verified or keys are fetched.
 * @throws StampedeError TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED, USER_BLOCKED, KEYS_UNAVAILABLE, OVERLOADED (or rejects)
 */
export type Authenticate = (token: string) => Identity | Promise<Identity>;

import type { StackEnv } from "../../stack/service.ts";
import { cliActor } from "./operator-name.ts";
import { signToken, type TokenClaims } from "./sign.ts";

/** The claims of an operator's token; `roles` as in docs/keys.md. */
export function operatorClaims(
  env: StackEnv,
  sub: string,
  roles: string | readonly string[],
): Omit<TokenClaims, "expiresInS"> {
  return {
    sub,
    iss: env.OPERATOR_JWT_ISSUER || env.JWT_ISSUER!,
    aud: env.OPERATOR_JWT_AUDIENCE || env.JWT_AUDIENCE!,
    role: "operator",
    operator_role: roles,
  };
}

/** The secret that signs operators' tokens: theirs, or the customers'. */
export const operatorSecret = (env: StackEnv): string => env.OPERATOR_JWT_SECRET || env.JWT_SECRET;

/** The token of the command line's own calls: the given one (OPERATOR_TOKEN), or a new one of an admin. */
export const commandToken = (env: StackEnv, expiresInS: number): string =>
  env.OPERATOR_TOKEN || signToken(operatorSecret(env), { ...operatorClaims(env, cliActor(), "admin"), expiresInS });

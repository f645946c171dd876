import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Address, invalidEnvironment, Secret } from "../../contracts/wire/environment.ts";
import type { SecretValue } from "../../contracts/wire/secret.ts";
import { isKeyAddress } from "./fetch-jwks.ts";

const integer = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: fallback, minimum, maximum, description });

/** The variables about tokens: docs/keys.md explains them. */
export const AuthEnvironment = {
  JWT_SECRET: Secret({
    default: "",
    description: "HS256 key of tokens without a `kid`, ≥ 32 bytes; required unless there is a JWKS",
  }),
  JWT_ISSUER: Type.String({ default: "stampede", description: "Expected `iss`" }),
  JWT_AUDIENCE: Type.String({ default: "stampede", description: "Expected `aud`" }),
  JWT_JWKS_FILE: Type.String({
    default: "",
    description:
      "JWK Set with keys of tokens by `kid`; `oct` keys may be in it. Read again within a second of a change",
  }),
  JWT_JWKS_URL: Address("http-address", {
    default: "",
    description: "JWK Set of the issuer, https (http within this machine); public keys only",
  }),
  JWKS_REFRESH_S: integer(300, 1, 86_400, "How often keys are fetched from a JWKS URL"),
  JWKS_COOLDOWN_S: integer(
    10,
    1,
    3_600,
    "At least between two fetches that unknown `kid`s cause, and between tries while the issuer does not answer",
  ),
  JWT_MAX_AGE_S: integer(
    0,
    0,
    31_536_000,
    "Age from `iat` after which a token is refused, whatever its `exp`; `iat` is required then. 0: no limit",
  ),
  OPERATOR_JWT_SECRET: Secret({
    default: "",
    description: "HS256 key of operators' tokens without a `kid`; customers' keys then make no operators",
  }),
  OPERATOR_JWT_ISSUER: Type.String({ default: "", description: "Expected `iss` of operators; empty: JWT_ISSUER" }),
  OPERATOR_JWT_AUDIENCE: Type.String({ default: "", description: "Expected `aud` of operators; empty: JWT_AUDIENCE" }),
  OPERATOR_JWT_JWKS_FILE: Type.String({ default: "", description: "As JWT_JWKS_FILE, for operators" }),
  OPERATOR_JWT_JWKS_URL: Address("http-address", { default: "", description: "As JWT_JWKS_URL, for operators" }),
} as const;
type AuthEnvironment = Static<TObject<typeof AuthEnvironment>>;

export interface KeyConfig {
  readonly secret: SecretValue;
  /** The name of each variable goes into messages. */
  readonly file: { readonly variable: string; readonly path: string };
  readonly url: string;
}

export interface RealmConfig {
  readonly issuer: string;
  readonly audience: string;
}

export interface AuthConfig {
  readonly customers: RealmConfig & { readonly keys: KeyConfig };
  /** null: none is configured, and customers' keys also sign operators' tokens. `keys` null: they share the customers' keys. */
  readonly operators: (RealmConfig & { readonly keys: KeyConfig | null }) | null;
  readonly maxAgeS: number;
  readonly refreshS: number;
  readonly cooldownS: number;
}

const hasKeys = ({ secret, file, url }: KeyConfig) => secret.isSet || file.path !== "" || url !== "";

/** @throws Error with one line for everything that does not fit together */
export function authConfigOf(env: AuthEnvironment): AuthConfig {
  const keys: KeyConfig = {
    secret: env.JWT_SECRET,
    file: { variable: "JWT_JWKS_FILE", path: env.JWT_JWKS_FILE },
    url: env.JWT_JWKS_URL,
  };
  const operatorKeys: KeyConfig = {
    secret: env.OPERATOR_JWT_SECRET,
    file: { variable: "OPERATOR_JWT_JWKS_FILE", path: env.OPERATOR_JWT_JWKS_FILE },
    url: env.OPERATOR_JWT_JWKS_URL,
  };
  const customers = { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE, keys };
  const own = hasKeys(operatorKeys);
  const isApart = own || env.OPERATOR_JWT_ISSUER !== "" || env.OPERATOR_JWT_AUDIENCE !== "";
  const operators = {
    issuer: env.OPERATOR_JWT_ISSUER || env.JWT_ISSUER,
    audience: env.OPERATOR_JWT_AUDIENCE || env.JWT_AUDIENCE,
    keys: own ? operatorKeys : null,
  };
  const faults: string[] = [];
  if (!hasKeys(keys)) faults.push("JWT_SECRET is missing (or a JWT_JWKS_FILE or JWT_JWKS_URL)");
  for (const name of ["JWT_JWKS_URL", "OPERATOR_JWT_JWKS_URL"] as const) {
    if (env[name] !== "" && !isKeyAddress(env[name])) {
      faults.push(`${name}: must be https without a password in it; http is accepted for this machine only`);
    }
  }
  if (isApart && !own && operators.issuer === customers.issuer && operators.audience === customers.audience) {
    faults.push(
      "OPERATOR_JWT_ISSUER, OPERATOR_JWT_AUDIENCE: one must differ from the customers', or give operators keys",
    );
  }
  if (operatorKeys.secret.isSet && operatorKeys.secret.reveal() === keys.secret.reveal()) {
    faults.push("OPERATOR_JWT_SECRET: must not be JWT_SECRET");
  }
  // The customers' realm is asked first, so a shared key would refuse every operator.
  for (const name of ["JWT_JWKS_FILE", "JWT_JWKS_URL"] as const) {
    if (env[name] !== "" && env[name] === env[`OPERATOR_${name}`]) {
      faults.push(
        `OPERATOR_${name}: must not be ${name}; leave it out, and OPERATOR_JWT_ISSUER or OPERATOR_JWT_AUDIENCE tells operators' tokens`,
      );
    }
  }
  if (faults.length > 0) throw invalidEnvironment(faults);
  return {
    customers,
    operators: isApart ? operators : null,
    maxAgeS: env.JWT_MAX_AGE_S,
    refreshS: env.JWKS_REFRESH_S,
    cooldownS: env.JWKS_COOLDOWN_S,
  };
}

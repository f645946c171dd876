import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SecretValue } from "../contracts/wire/secret.ts";
import { CliError } from "./errors.ts";

/** JWT_SECRET signs tokens, PAYMENT_WEBHOOK_SECRET the payment provider's webhooks. The environment may give them. */
const GIVEN = ["JWT_SECRET", "PAYMENT_WEBHOOK_SECRET"] as const;
/** Of the stack's own Redis and PostgreSQL: the owner of the database, and what gateway and consumers log in with. */
const PASSWORDS = [
  "REDIS_PASSWORD",
  "POSTGRES_PASSWORD",
  "POSTGRES_GATEWAY_PASSWORD",
  "POSTGRES_CONSUMERS_PASSWORD",
] as const;
const NAMES = [...GIVEN, ...PASSWORDS] as const;
type GivenName = (typeof GIVEN)[number];
export type Passwords = Readonly<Record<(typeof PASSWORDS)[number], string>>;
export type Secrets = Readonly<Record<GivenName, string>> & Passwords;

function readSecrets(file: string): Partial<Secrets> {
  if (!existsSync(file)) return {};
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Partial<Secrets>;
    // One of them may have been given by the environment when the file was made.
    if (NAMES.some((name) => kept[name])) return kept;
  } catch {
    // Falls through to the sentence below.
  }
  throw new CliError(`${file} is not readable as {"JWT_SECRET": "…"}: repair or delete it`);
}

/** The environment's secrets, else random ones that are made once per stack and kept beside it. */
export function keptSecrets(file: string, given: Partial<Record<GivenName, SecretValue | undefined>>): Secrets {
  const wanted = NAMES.filter((name) => !given[name as GivenName]?.isSet);
  const kept = readSecrets(file);
  const made = wanted.filter((name) => !kept[name]).map((name) => [name, randomBytes(32).toString("hex")]);
  if (made.length > 0) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ ...kept, ...Object.fromEntries(made) })}\n`, { mode: 0o600 });
  }
  const all = { ...kept, ...Object.fromEntries(made) } as Secrets;
  return {
    ...all,
    JWT_SECRET: given.JWT_SECRET?.reveal() || all.JWT_SECRET,
    PAYMENT_WEBHOOK_SECRET: given.PAYMENT_WEBHOOK_SECRET?.reveal() || all.PAYMENT_WEBHOOK_SECRET,
  };
}

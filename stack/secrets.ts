import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SecretValue } from "../contracts/wire/secret.ts";
import { CliError } from "./errors.ts";

/** JWT_SECRET signs tokens, PAYMENT_WEBHOOK_SECRET the payment provider's webhooks. */
const NAMES = ["JWT_SECRET", "PAYMENT_WEBHOOK_SECRET"] as const;
export type Secrets = Readonly<Record<(typeof NAMES)[number], string>>;

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
export function keptSecrets(file: string, given: Partial<Record<keyof Secrets, SecretValue | undefined>>): Secrets {
  const wanted = NAMES.filter((name) => !given[name]?.isSet);
  const kept = wanted.length > 0 ? readSecrets(file) : {};
  const made = wanted.filter((name) => !kept[name]).map((name) => [name, randomBytes(32).toString("hex")]);
  if (made.length > 0) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ ...kept, ...Object.fromEntries(made) })}\n`, { mode: 0o600 });
  }
  const all = { ...kept, ...Object.fromEntries(made) } as Secrets;
  return {
    JWT_SECRET: given.JWT_SECRET?.reveal() || all.JWT_SECRET,
    PAYMENT_WEBHOOK_SECRET: given.PAYMENT_WEBHOOK_SECRET?.reveal() || all.PAYMENT_WEBHOOK_SECRET,
  };
}

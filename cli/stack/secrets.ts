import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CliError } from "../errors.ts";

/** The secret that signs tokens: the environment's, else a random one that is made once per stack and kept beside it. */
export function jwtSecret(file: string, given: string | undefined): string {
  if (given) return given;
  if (existsSync(file)) {
    try {
      const { JWT_SECRET } = JSON.parse(readFileSync(file, "utf8")) as { JWT_SECRET?: string };
      if (JWT_SECRET) return JWT_SECRET;
    } catch {
      // Falls through to the sentence below.
    }
    throw new CliError(`${file} is not readable as {"JWT_SECRET": "…"}: repair or delete it`);
  }
  const secret = randomBytes(32).toString("hex");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ JWT_SECRET: secret })}\n`, { mode: 0o600 });
  return secret;
}

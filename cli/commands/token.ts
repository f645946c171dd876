import { Command, InvalidArgumentError, Option } from "commander";
import { isUserId, USER_ID_TEXT } from "../../contracts/wire/ids.ts";
import { createStack } from "../../stack/stack.ts";
import { parseSpan } from "../sale/times.ts";
import { operatorClaims, operatorSecret } from "../token/operator.ts";
import { signToken } from "../token/sign.ts";
import { signWithKey } from "../token/sign-with-key.ts";

/** A user id of the command line. @throws InvalidArgumentError */
export function userId(text: string): string {
  if (!isUserId(text)) throw new InvalidArgumentError(`A user id has ${USER_ID_TEXT}.`);
  return text;
}

const ROLES = ["viewer", "seller", "treasurer", "admin"];

/** @throws InvalidArgumentError */
function rolesOf(text: string): string[] {
  const roles = text.split(",").map((role) => role.trim());
  if (roles.every((role) => ROLES.includes(role))) return roles;
  throw new InvalidArgumentError(`Roles are ${ROLES.join(", ")}.`);
}

interface TokenOptions {
  readonly role?: string;
  readonly operatorRole?: readonly string[];
  readonly key?: string;
  readonly expires: number;
}

export function tokenCommand(): Command {
  return new Command("token")
    .description("Prints a bearer token for a user")
    .argument("<userId>", USER_ID_TEXT, userId)
    .addOption(new Option("--role <role>", "what the user may do").choices(["operator", "user"]))
    .addOption(
      new Option("--expires <span>", "how long it is good for").argParser(parseSpan).default(24 * 3_600_000, "24h"),
    )
    .addOption(
      new Option("--operator-role <roles>", "what an operator may do, comma-separated; default admin").argParser(
        rolesOf,
      ),
    )
    .option("--key <file>", "sign with this private JWK instead of the stack's secret")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev token user-42\n  ./dev token 'auth0|5f7c8ec7' --expires 1h\n  ./dev token alice --role operator --expires 1h\n" +
        "  ./dev token alice --operator-role seller,treasurer\n  ./dev token user-42 --key private.jwk",
    )
    .action(async (sub: string, { role, operatorRole, key, expires }: TokenOptions) => {
      const { env } = createStack();
      const isOperator = role === "operator" || operatorRole !== undefined;
      const who = isOperator
        ? operatorClaims(env, sub, operatorRole ?? "admin")
        : { sub, iss: env.JWT_ISSUER!, aud: env.JWT_AUDIENCE!, role };
      const claims = { ...who, jti: crypto.randomUUID(), expiresInS: Math.round(expires / 1000) };
      const secret = isOperator ? operatorSecret(env) : env.JWT_SECRET;
      console.log(key === undefined ? signToken(secret, claims) : await signWithKey(key, claims));
    });
}

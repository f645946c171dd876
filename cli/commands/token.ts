import { Command, InvalidArgumentError, Option } from "commander";
import { isUserId, USER_ID_TEXT } from "../../contracts/wire/ids.ts";
import { createStack } from "../../stack/stack.ts";
import { parseSpan } from "../sale/times.ts";
import { signToken } from "../token/sign.ts";

/** A user id of the command line. @throws InvalidArgumentError */
export function userId(text: string): string {
  if (!isUserId(text)) throw new InvalidArgumentError(`A user id has ${USER_ID_TEXT}.`);
  return text;
}

export function tokenCommand(): Command {
  return new Command("token")
    .description("Prints a bearer token for a user")
    .argument("<userId>", USER_ID_TEXT, userId)
    .addOption(new Option("--role <role>", "what the user may do").choices(["operator", "user"]))
    .addOption(
      new Option("--expires <span>", "how long it is good for").argParser(parseSpan).default(24 * 3_600_000, "24h"),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev token user-42\n  ./dev token 'auth0|5f7c8ec7' --expires 1h\n  ./dev token alice --role operator --expires 1h",
    )
    .action((sub: string, options: { role?: string; expires: number }) => {
      const { env } = createStack();
      const common = { sub, iss: env.JWT_ISSUER!, aud: env.JWT_AUDIENCE!, role: options.role };
      console.log(signToken(env.JWT_SECRET, { ...common, expiresInS: Math.round(options.expires / 1000) }));
    });
}

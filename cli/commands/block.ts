import { Command, InvalidArgumentError, Option } from "commander";
import type { Block, CreateBlock } from "../../contracts/wire/blocks.ts";
import { USER_ID_TEXT, type UserId } from "../../contracts/wire/ids.ts";
import { CliError } from "../../stack/errors.ts";
import { createStack } from "../../stack/stack.ts";
import { type AdminApi, adminApi } from "../sale/admin-api.ts";
import { parseSpan, parseTime } from "../sale/times.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { reasonOf } from "../terminal/reason.ts";
import { table } from "../terminal/table.ts";
import { userId } from "./token.ts";

const stackApi = () => adminApi(createStack().env);

/** A moment to come. @throws InvalidArgumentError */
function future(text: string): Date {
  const at = parseTime(text);
  if (at.getTime() <= Date.now()) throw new InvalidArgumentError("It must be in the future.");
  return at;
}

/** The `jti` of a token. @throws InvalidArgumentError */
function tokenId(text: string): string {
  if (/^[!-~]{1,256}$/.test(text)) return text;
  throw new InvalidArgumentError("The jti of a token has 1 to 256 printable ASCII characters.");
}

interface SubjectOptions {
  readonly token?: string;
  readonly json?: boolean;
}

/** A user or a token, one of the two. @throws CliError */
function subjectOf(user: string | undefined, { token }: SubjectOptions): Pick<CreateBlock, "userId" | "tokenId"> {
  if ((user === undefined) === (token === undefined))
    throw new CliError("write a user id, or --token <jti>", { exitCode: 2 });
  return user === undefined ? { tokenId: token! } : { userId: user as UserId };
}

const nameOf = ({ userId, tokenId }: Pick<Block, "userId" | "tokenId">) => userId ?? `token ${tokenId}`;

export function blockCommand(api: () => AdminApi = stackApi): Command {
  return new Command("block")
    .description("Blocks a user: no gateway serves them, and their sockets are closed, within a second")
    .argument("[userId]", USER_ID_TEXT, userId)
    .option("--token <jti>", "block only this token", tokenId)
    .requiredOption("--why <text>", "for the audit log", reasonOf)
    .addOption(new Option("--until <time>", "when it ends").argParser(future).conflicts("for"))
    .addOption(new Option("--for <span>", "after which span it ends").argParser(parseSpan))
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev block user-42 --why 'resells coupons'\n  ./dev block user-42 --for 7d --why 'resells coupons'\n" +
        "  ./dev block --token 0f2c… --for 1h --why 'stolen laptop'",
    )
    .action(
      async (
        user: string | undefined,
        options: SubjectOptions & { readonly why: string; readonly until?: Date; readonly for?: number },
      ) => {
        const { why, json } = options;
        const end = options.until ?? (options.for === undefined ? undefined : new Date(Date.now() + options.for));
        const until = end === undefined ? {} : { until: end.toISOString() };
        const block = await api().block({ ...subjectOf(user, options), ...until, why });
        if (json) console.log(JSON.stringify(block, null, 2));
        else
          console.log(
            `blocked ${nameOf(block)} ${block.until === null ? "until it is unblocked" : `until ${block.until}`}`,
          );
      },
    );
}

export function unblockCommand(api: () => AdminApi = stackApi): Command {
  return new Command("unblock")
    .description("Ends a block")
    .argument("[userId]", USER_ID_TEXT, userId)
    .option("--token <jti>", "unblock this token", tokenId)
    .addHelpText("after", "\nExample:\n  ./dev unblock user-42")
    .action(async (user: string | undefined, options: SubjectOptions) => {
      const subject = subjectOf(user, options);
      const { unblocked } = await api().unblock(subject);
      const name = subject.userId ?? `token ${subject.tokenId}`;
      console.log(unblocked ? `unblocked ${name}` : `${name} was not blocked`);
    });
}

export function blocksCommand(api: () => AdminApi = stackApi): Command {
  return new Command("blocks")
    .description("Lists users and tokens that are blocked, newest first")
    .option("--limit <n>", "at most so many", wholeNumber(1, 10_000), 20)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev blocks --limit 100")
    .action(async ({ limit, json }: { limit: number; json?: boolean }) => {
      const blocks = await api().blocks(limit);
      if (json) console.log(JSON.stringify(blocks, null, 2));
      else if (blocks.length === 0) console.log("nobody is blocked");
      else {
        const rows = blocks.map((block) => [
          nameOf(block),
          block.until ?? "unblocked",
          block.why,
          block.blockedBy,
          block.blockedAt,
        ]);
        console.log(table(["blocked", "until", "why", "by", "at"], rows));
      }
    });
}

import { Command, InvalidArgumentError, Option } from "commander";
import {
  DEAD_LETTER_STATUSES,
  type DeadLetterDetail,
  type DeadLetterId,
  type DeadLetterStatus,
  isDeadLetterId,
} from "../../contracts/wire/dead-letters.ts";
import { createStack } from "../../stack/stack.ts";
import { lettersTable, letterText } from "../dead-letters/letter-text.ts";
import { type AdminApi, adminApi } from "../sale/admin-api.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { reasonOf } from "../terminal/reason.ts";

/** @throws InvalidArgumentError */
function letterId(text: string): DeadLetterId {
  if (isDeadLetterId(text)) return text;
  throw new InvalidArgumentError("Write a number like 17: ./dev dead-letters list shows them.");
}
/** For arguments that may be several: commander hands over what it has read before. */
const letterIds = (text: string, before: DeadLetterId[] = []): DeadLetterId[] => [...before, letterId(text)];

interface ListOptions {
  status?: DeadLetterStatus;
  topic?: string;
  limit: number;
  json?: boolean;
}

function listCommand(api: () => AdminApi): Command {
  return new Command("list")
    .description("Lists dead letters, newest first")
    .addOption(new Option("--status <status>", "only of this status").choices(DEAD_LETTER_STATUSES))
    .option("--topic <name>", "only of this topic (the original one)")
    .option("--limit <n>", "at most so many", wholeNumber(1, 10_000), 20)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev dead-letters list --status EXHAUSTED --topic stock-events")
    .action(async ({ status, topic, limit, json }: ListOptions) => {
      const filter = { ...(status === undefined ? {} : { status }), ...(topic === undefined ? {} : { topic }) };
      const letters = await api().deadLetters(filter, limit);
      if (json) console.log(JSON.stringify(letters, null, 2));
      else console.log(letters.length === 0 ? "no dead letters" : lettersTable(letters, Date.now()));
    });
}

function showCommand(api: () => AdminApi): Command {
  return new Command("show")
    .description("Shows one dead letter: why it died, what it says, what was done to it")
    .argument("<id>", "its number", letterId)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev dead-letters show 17")
    .action(async (id: DeadLetterId, { json }: { json?: boolean }) => {
      const letter = await api().deadLetter(id);
      console.log(json ? JSON.stringify(letter, null, 2) : letterText(letter, Date.now()));
    });
}

/** One after the other; what was done stays done if a later one is refused. */
async function each(
  ids: readonly DeadLetterId[],
  json: boolean | undefined,
  act: (id: DeadLetterId) => Promise<DeadLetterDetail>,
  say: (id: DeadLetterId) => string,
): Promise<void> {
  for (const id of ids) {
    const letter = await act(id);
    console.log(json ? JSON.stringify(letter) : say(id));
  }
}

function retryCommand(api: () => AdminApi): Command {
  return new Command("retry")
    .description("Sends dead letters again now, whatever their attempts: for when their cause has been repaired")
    .argument("<ids...>", "their numbers", letterIds)
    .option("--json", "as JSON, a line each")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev dead-letters retry 17" +
        "\n  ./dev dead-letters retry $(./dev dead-letters list --status EXHAUSTED --limit 1000 --json | jq -r '.[].id')" +
        "\n\nOne attempt each. One that dies again is EXHAUSTED again at once if it has had its automatic attempts.",
    )
    .action((ids: DeadLetterId[], { json }: { json?: boolean }) =>
      each(
        ids,
        json,
        (id) => api().retryDeadLetter(id),
        (id) => `${id} is sent again within a second; ./dev dead-letters show ${id} says what became of it`,
      ),
    );
}

function discardCommand(api: () => AdminApi): Command {
  return new Command("discard")
    .description("Gives dead letters up for good: what they say never happens")
    .argument("<ids...>", "their numbers", letterIds)
    .requiredOption("--why <text>", "for the audit log", reasonOf)
    .option("--json", "as JSON, a line each")
    .addHelpText("after", "\nExample:\n  ./dev dead-letters discard 17 --why 'order 4b0c… was refunded by hand'")
    .action((ids: DeadLetterId[], { why, json }: { why: string; json?: boolean }) =>
      each(
        ids,
        json,
        (id) => api().discardDeadLetter(id, why),
        (id) => `${id} is discarded: it is never sent again`,
      ),
    );
}

export function deadLettersCommand(api: () => AdminApi = () => adminApi(createStack().env)): Command {
  return new Command("dead-letters")
    .description("Records that no retry helped: look at them, send them again, or give them up")
    .addHelpText("after", "\nExample:\n  ./dev dead-letters list --status EXHAUSTED")
    .addCommand(listCommand(api))
    .addCommand(showCommand(api))
    .addCommand(retryCommand(api))
    .addCommand(discardCommand(api));
}

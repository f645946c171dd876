import { Command } from "commander";
import { USER_ID_TEXT } from "../../contracts/wire/ids.ts";
import { MAX_MONEY } from "../../contracts/wire/money.ts";
import { createStack } from "../../stack/stack.ts";
import { adminApi } from "../sale/admin-api.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { userId } from "./token.ts";

export function pointsCommand(): Command {
  const grant = new Command("grant")
    .description("Gives points to a user")
    .argument("<userId>", USER_ID_TEXT, userId)
    .argument("<amount>", "how many; one is worth one minor unit", wholeNumber(1, MAX_MONEY))
    .requiredOption("--reason <text>", "what the user reads in their ledger")
    .option("--key <text>", "Idempotency-Key: asking again under the same key gives nothing")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev points grant user-42 500 --reason Welcome --key welcome-user-42")
    .action(async (to: string, amount: number, options: { reason: string; key?: string; json?: boolean }) => {
      const { reason, key, json } = options;
      const granted = await adminApi(createStack().env).grantPoints({ userId: to as never, amount, reason }, key);
      if (json) console.log(JSON.stringify(granted, null, 2));
      else console.log(`${granted.userId} has ${granted.balance.toLocaleString("en-US")} points`);
    });
  return new Command("points")
    .description("Users' points")
    .addHelpText("after", "\nExample:\n  ./dev points grant user-42 500 --reason Welcome")
    .addCommand(grant);
}

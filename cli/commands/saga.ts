import { Argument, Command, InvalidArgumentError } from "commander";
import { parseSagaChoice, type SagaChoice, type SagaView } from "../../contracts/orders/saga-mode.ts";
import { createStack } from "../../stack/stack.ts";
import { type AdminApi, adminApi } from "../sale/admin-api.ts";

/** How orders' steps are requested, as an operator types it. @throws InvalidArgumentError */
export function modeArgument(text: string): SagaChoice {
  const choice = parseSagaChoice(text.replace(/%$/, ""));
  if (choice === null) {
    throw new InvalidArgumentError("It must be parallel, sequential, adaptive or a whole number from 0 to 100.");
  }
  return choice;
}

const MEANINGS = {
  parallel: "stock, coupon and points at once, then the payment, then the shipment",
  sequential: "one step after the other",
  adaptive: "parallel for orders of up to 3 lines without coupon and points, the others one step after the other",
} as const;

function print(view: SagaView, json: boolean | undefined): void {
  if (json) {
    console.log(JSON.stringify(view, null, 2));
    return;
  }
  const { mode, from, changedBy, changedAt } = view;
  const meaning =
    typeof mode === "number" ? `parallel for ${mode} % of the users, sequential for the rest` : MEANINGS[mode];
  console.log(typeof mode === "number" ? meaning : `${mode}: ${meaning}`);
  console.log(from === "environment" ? "as ORDER_MODE says" : `chosen by ${changedBy} at ${changedAt}`);
}

export function sagaCommand(api: () => AdminApi = () => adminApi(createStack().env)): Command {
  const mode = new Command("mode")
    .description("Shows or switches how the steps of new orders are requested")
    .addArgument(
      new Argument("[mode]", "parallel, sequential, adaptive, or the per cent of users in parallel").argParser(
        modeArgument,
      ),
    )
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev saga mode              what holds for new orders\n  ./dev saga mode sequential   one step after the other\n  ./dev saga mode 25           parallel for a quarter of the users" +
        "\n\nOrders that are under way end in the mode in which they began.",
    )
    .action(async (choice: SagaChoice | undefined, { json }: { json?: boolean }) => {
      print(await (choice === undefined ? api().saga() : api().switchSaga(choice)), json);
    });
  return new Command("saga")
    .description("How orders are carried out")
    .addCommand(mode)
    .addHelpText("after", "\nExample:\n  ./dev saga mode 25");
}

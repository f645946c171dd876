import { Command, Option } from "commander";
import { type CreateSale, MAX_TOTAL, type Sale } from "../../contracts/claims/http.ts";
import { CliError } from "../../stack/errors.ts";
import { createStack } from "../../stack/stack.ts";
import { type AdminApi, adminApi } from "../sale/admin-api.ts";
import { parseTime } from "../sale/times.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";
import { editCommand } from "./sale-edit.ts";
import { revokeCommand } from "./sale-revoke.ts";

interface CreateOptions {
  total: number;
  starts: Date;
  ends: Date;
  name: string;
  mode: "DIRECT" | "QUEUED";
  discount: "FIXED" | "PERCENT";
  value: number;
  maxDiscount?: number;
  minOrder?: number;
  currency: string;
  validUntil?: Date;
  key?: string;
  json?: boolean;
}

const api = (): AdminApi => adminApi(createStack().env);
const HOUR_MS = 3_600_000;

function print(sales: readonly Sale[], json: boolean | undefined, value: unknown = sales): void {
  if (json) {
    console.log(JSON.stringify(value, null, 2));
    return;
  }
  const rows = sales.map((sale) => [
    sale.couponId,
    sale.name,
    sale.state,
    `${sale.remaining ?? "?"}/${sale.total}`,
    sale.startsAt,
    sale.endsAt,
    sale.discountType === "PERCENT" ? `${sale.discountValue} %` : String(sale.discountValue),
  ]);
  console.log(table(["coupon", "name", "state", "left", "starts", "ends", "discount"], rows));
}

/** What the options mean as the gateway's request. @throws CliError if the sale ends before it starts */
export function saleRequest(options: CreateOptions): CreateSale {
  if (options.ends <= options.starts) {
    throw new CliError("the sale would end before it starts: give a later --ends", { exitCode: 2 });
  }
  return {
    name: options.name,
    total: options.total,
    startsAt: options.starts.toISOString(),
    endsAt: options.ends.toISOString(),
    issueMode: options.mode,
    discountType: options.discount,
    discountValue: options.value,
    ...(options.maxDiscount === undefined ? {} : { maxDiscount: options.maxDiscount }),
    currency: options.currency as CreateSale["currency"] & {},
    ...(options.minOrder === undefined ? {} : { minOrderAmount: options.minOrder }),
    ...(options.validUntil === undefined ? {} : { validUntil: options.validUntil.toISOString() }),
  };
}

function createCommand(): Command {
  const money = wholeNumber(0, Number.MAX_SAFE_INTEGER);
  return new Command("create")
    .description("Creates a sale; it opens by itself when it starts")
    .option("--total <n>", "how many coupons there are", wholeNumber(1, MAX_TOTAL), 1000)
    .option("--starts <time>", "now, +3s, +2h or an ISO time (default: now)", (text) => parseTime(text))
    .option("--ends <time>", "likewise (default: an hour after it starts)", (text) => parseTime(text))
    .option("--name <text>", "what visitors see", "Flash sale")
    .addOption(
      new Option("--discount <type>", "what a coupon takes off").choices(["FIXED", "PERCENT"]).default("FIXED"),
    )
    .option(
      "--value <n>",
      "how much: minor units of the currency, or per cent",
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
      1000,
    )
    .option("--max-discount <n>", "at most so much, minor units", money)
    .option("--min-order <n>", "only for orders of at least so much, minor units", money)
    .option("--currency <code>", "of these amounts, ISO 4217; orders in another one can't use the coupon", "EUR")
    .option("--valid-until <time>", "orders from then on can't use it (default: never)", (text) => parseTime(text))
    .addOption(
      new Option("--mode <mode>", "DIRECT answers at once, QUEUED goes by the order of Kafka's log")
        .choices(["DIRECT", "QUEUED"])
        .default("DIRECT"),
    )
    .option("--key <text>", "Idempotency-Key: asking again under the same key creates nothing")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  ./dev sale create --total 1000 --starts +10s --ends +2h --name 'Spring rush'" +
        "\n\nUnder a --key write times out: +10s is another time when it is asked again.",
    )
    .action(async (given: Partial<CreateOptions> & Omit<CreateOptions, "starts" | "ends">) => {
      const starts = given.starts ?? new Date();
      const ends = given.ends ?? new Date(starts.getTime() + HOUR_MS);
      const sale = await api().create(saleRequest({ ...given, starts, ends }), given.key);
      print([sale], given.json, sale);
    });
}

function changeCommand(action: "open" | "pause" | "close", what: string): Command {
  return new Command(action)
    .description(what)
    .argument("<couponId>")
    .option("--json", "as JSON")
    .addHelpText("after", `\nExample:\n  ./dev sale ${action} 7qj4x0m2kd9a`)
    .action(async (couponId: string, { json }: { json?: boolean }) => {
      const sale = await api().change(couponId, action);
      print([sale], json, sale);
    });
}

function resizeCommand(): Command {
  return new Command("resize")
    .description("Gives a sale another total; it cannot become smaller than the highest slot in use")
    .argument("<couponId>")
    .requiredOption("--total <n>", "how many coupons there are then", wholeNumber(1, MAX_TOTAL))
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev sale resize 7qj4x0m2kd9a --total 1200")
    .action(async (couponId: string, { total, json }: { total: number; json?: boolean }) => {
      const sale = await api().resize(couponId, total);
      print([sale], json, sale);
    });
}

export function saleCommand(): Command {
  const show = new Command("show")
    .description("Shows one sale")
    .argument("<couponId>")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev sale show 7qj4x0m2kd9a --json")
    .action(async (couponId: string, { json }: { json?: boolean }) => {
      const sale = await api().show(couponId);
      print([sale], json, sale);
    });
  const list = new Command("list")
    .description("Lists sales, newest first")
    .option("--limit <n>", "at most so many", wholeNumber(1, 10_000), 20)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev sale list --limit 5")
    .action(async ({ limit, json }: { limit: number; json?: boolean }) => print(await api().list(limit), json));
  return new Command("sale")
    .description("An operator's sales")
    .addHelpText("after", "\nExample:\n  ./dev sale create --total 1000 --starts +10s")
    .addCommand(createCommand())
    .addCommand(changeCommand("open", "Opens a paused or closed sale again"))
    .addCommand(changeCommand("pause", "Pauses a sale: claims are refused until it is opened"))
    .addCommand(changeCommand("close", "Closes a sale: claims are refused with ENDED"))
    .addCommand(editCommand(api, (sale, json) => print([sale], json, sale)))
    .addCommand(resizeCommand())
    .addCommand(revokeCommand(api))
    .addCommand(show)
    .addCommand(list);
}

import { Command, Option } from "commander";
import type { EditSale, Metadata, Sale, Visibility } from "../../contracts/claims/http.ts";
import { CliError } from "../../stack/errors.ts";
import type { AdminApi } from "../sale/admin-api.ts";
import { parseTime } from "../sale/times.ts";

interface EditOptions {
  name?: string;
  ends?: Date;
  /** null: without a limit. */
  validUntil?: Date | null;
  visibility?: Visibility;
  metadata?: Metadata;
  json?: boolean;
}

/** @throws CliError if the text is no JSON object; the gateway checks its entries */
function parseMetadata(text: string): Metadata {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Metadata;
  } catch {
    // said below
  }
  throw new CliError('--metadata takes a JSON object, such as \'{"campaign":"spring"}\'', { exitCode: 2 });
}

/** What the options change. @throws CliError if they change nothing */
export function saleEdit({ name, ends, validUntil, visibility, metadata }: EditOptions): EditSale {
  const edit: EditSale = {
    ...(name === undefined ? {} : { name }),
    ...(ends === undefined ? {} : { endsAt: ends.toISOString() }),
    ...(validUntil === undefined ? {} : { validUntil: validUntil?.toISOString() ?? null }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  if (Object.keys(edit).length === 0) {
    throw new CliError("give --name, --ends, --valid-until, --visibility or --metadata", { exitCode: 2 });
  }
  return edit;
}

export function editCommand(api: () => AdminApi, print: (sale: Sale, json: boolean | undefined) => void): Command {
  return new Command("edit")
    .description("Changes a sale; what is not named stays as it is")
    .argument("<couponId>")
    .option("--name <text>", "what visitors see")
    .option("--ends <time>", "when it ends, in the future: +2h or an ISO time", (text) => parseTime(text))
    .option("--valid-until <time>", "how long coupons can be used; never: without a limit", (text) =>
      text === "never" ? null : parseTime(text),
    )
    .addOption(
      new Option("--visibility <word>", "UNLISTED: not in GET /coupons, but readable and claimable by its id").choices([
        "LISTED",
        "UNLISTED",
      ]),
    )
    .option("--metadata <json>", "an object that replaces the sale's metadata", parseMetadata)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev sale edit 7qj4x0m2kd9a --ends +2h --name 'One more hour'")
    .action(async (couponId: string, options: EditOptions) => {
      print(await api().edit(couponId, saleEdit(options)), options.json);
    });
}

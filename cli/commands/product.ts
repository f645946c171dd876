import { Command } from "commander";
import { type CreateProduct, type EditProduct, MAX_STOCK, type Product } from "../../contracts/shop/http-catalogue.ts";
import { MAX_MONEY, type Money } from "../../contracts/wire/money.ts";
import { CliError } from "../../stack/errors.ts";
import { createStack } from "../../stack/stack.ts";
import { type AdminApi, adminApi } from "../sale/admin-api.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";

interface CreateOptions {
  name: string;
  stock: number;
  price: number;
  currency: string;
  flash?: boolean;
  key?: string;
  json?: boolean;
}

const api = (): AdminApi => adminApi(createStack().env);

function print(products: readonly Product[], json: boolean | undefined, value: unknown = products): void {
  if (json) {
    console.log(JSON.stringify(value, null, 2));
    return;
  }
  const rows = products.map(({ id, name, stock, price, currency, flash, listed }) => {
    const notes = [flash ? "flash" : "", listed ? "" : "unlisted"].filter((note) => note !== "");
    return [id, name, String(stock), `${price} ${currency}`, notes.join(", ")];
  });
  console.log(table(["product", "name", "stock", "price", ""], rows));
}

function createCommand(): Command {
  return new Command("create")
    .description("Creates a product")
    .requiredOption("--name <text>", "what visitors see")
    .requiredOption("--price <n>", "minor units of the currency", wholeNumber(0, MAX_MONEY))
    .option("--stock <n>", "how many can be sold", wholeNumber(0, MAX_STOCK), 0)
    .option("--currency <code>", "ISO 4217", "EUR")
    .option("--flash", "orders are admitted by Redis before they are taken")
    .option("--key <text>", "Idempotency-Key: asking again under the same key creates nothing")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev product create --name Mug --price 1250 --stock 100")
    .action(async ({ name, price, stock, currency, flash = false, key, json }: CreateOptions) => {
      const wish = { name, price: price as Money, stock, flash, currency: currency as CreateProduct["currency"] & {} };
      const product = await api().createProduct(wish, key);
      print([product], json, product);
    });
}

function restockCommand(): Command {
  return new Command("restock")
    .description("Makes more of a product available")
    .argument("<productId>")
    .argument("<quantity>", "how many came in", wholeNumber(1, MAX_STOCK))
    .option("--key <text>", "Idempotency-Key: asking again under the same key adds nothing")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev product restock 7qj4x0m2kd9a 50 --key 'delivery 4711'")
    .action(async (productId: string, quantity: number, { key, json }: { key?: string; json?: boolean }) => {
      const product = await api().restock(productId, quantity, key);
      print([product], json, product);
    });
}

function reduceCommand(): Command {
  return new Command("reduce")
    .description("Takes away pieces that can still be sold; what orders hold or bought stays")
    .argument("<productId>")
    .argument("<quantity>", "how many went away unsold", wholeNumber(1, MAX_STOCK))
    .option("--key <text>", "Idempotency-Key: asking again under the same key takes nothing more")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev product reduce 7qj4x0m2kd9a 3 --key 'broken 4711'")
    .action(async (productId: string, quantity: number, { key, json }: { key?: string; json?: boolean }) => {
      const product = await api().restock(productId, -quantity, key);
      print([product], json, product);
    });
}

interface EditOptions {
  name?: string;
  price?: number;
  listed?: boolean;
  json?: boolean;
}

/** What the options change. @throws CliError if they change nothing */
export function productEdit({ name, price, listed }: EditOptions): EditProduct {
  const edit = {
    ...(name === undefined ? {} : { name }),
    ...(price === undefined ? {} : { price: price as Money }),
    ...(listed === undefined ? {} : { listed }),
  };
  if (Object.keys(edit).length === 0)
    throw new CliError("give --name, --price, --listed or --no-listed", { exitCode: 2 });
  return edit;
}

function editCommand(): Command {
  return new Command("edit")
    .description("Changes a product; placed orders keep their prices")
    .argument("<productId>")
    .option("--name <text>", "what visitors see")
    .option("--price <n>", "minor units of the currency", wholeNumber(0, MAX_MONEY))
    .option("--listed", "shows it in GET /products")
    .option("--no-listed", "takes it out of GET /products; by its id it can still be read and ordered")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev product edit 7qj4x0m2kd9a --price 990")
    .action(async (productId: string, options: EditOptions) => {
      const product = await api().editProduct(productId, productEdit(options));
      print([product], options.json, product);
    });
}

export function productCommand(): Command {
  const list = new Command("list")
    .description("Lists products, newest first")
    .option("--limit <n>", "at most so many", wholeNumber(1, 10_000), 20)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev product list --limit 5")
    .action(async ({ limit, json }: { limit: number; json?: boolean }) => print(await api().products(limit), json));
  return new Command("product")
    .description("An operator's products")
    .addHelpText("after", "\nExample:\n  ./dev product create --name Mug --price 1250 --stock 100")
    .addCommand(createCommand())
    .addCommand(editCommand())
    .addCommand(restockCommand())
    .addCommand(reduceCommand())
    .addCommand(list);
}

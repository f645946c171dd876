import { Command } from "commander";
import { CliError } from "../../stack/errors.ts";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import { migrateDatabase } from "../../stack/schema.ts";
import { createStack } from "../../stack/stack.ts";
import type { SeedWish } from "../seed/seed.ts";
import { progressBar } from "../terminal/bar.ts";
import { interruption } from "../terminal/interruption.ts";
import { wholeNumber } from "../terminal/numbers.ts";

const n = (value: number) => value.toLocaleString("en-US");

async function run(wish: SeedWish & { json?: boolean }): Promise<void> {
  const { context } = createStack();
  const begun = performance.now();
  const { isDatabaseError, sqlState } = await import("../../db/errors.ts");
  const { seed } = await import("../seed/seed.ts");
  const bars = {
    products: progressBar(process.stderr, "products", wish.products),
    users: progressBar(process.stderr, "users", wish.users),
  };
  const away = (error: unknown) => isDatabaseError(error) && sqlState(error) === undefined;
  const added = await interruption(async (signal) => {
    await migrateDatabase(context);
    return await seed(context.env.DATABASE_URL, wish, signal, (part, done) => {
      bars[part].show(done);
      if (done === wish[part]) bars[part].end();
    });
  }).catch((error: unknown) => {
    if (!away(error)) throw error;
    throw new CliError("PostgreSQL does not answer: start it with ./dev up postgres", { cause: error });
  });
  const seconds = secondsSince(begun);
  if (wish.json) {
    console.log(JSON.stringify({ added, wanted: { products: wish.products, users: wish.users } }));
    return;
  }
  const progress = printedProgress();
  for (const part of ["products", "users"] as const) {
    const there = wish[part] - added[part];
    progress.done(part, `${n(added[part])} added${there > 0 ? `, ${n(there)} were there` : ""}`);
  }
  const nothing = added.products + added.users === 0;
  console.log(nothing ? `nothing to add (${seconds})` : `seeded in ${seconds}`);
}

export function seedCommand(): Command {
  return new Command("seed")
    .description("Fills the catalogue, and gives points to users user-1, user-2, …; a second time it adds nothing")
    .option(
      "--products <n>",
      "product-1 … product-<n>; every tenth is a flash product",
      wholeNumber(0, 1_000_000),
      1000,
    )
    .option("--users <n>", "user-1 … user-<n>, each with 1,000 to 20,000 points", wholeNumber(0, 10_000_000), 100_000)
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev seed --products 1000 --users 100000")
    .action(run);
}

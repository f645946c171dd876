import { Command } from "commander";
import { createStack } from "../../stack/stack.ts";
import { table } from "../terminal/table.ts";

/** Enough to see that it is right; the whole is behind GET /products/ranking. */
const SHOWN = 3;

export function rankingCommand(): Command {
  const rebuild = new Command("rebuild")
    .description("Counts the best sellers of the day, the week and ever in PostgreSQL and puts them into Redis")
    .option("--json", "as JSON: {daily: [{productId, sold}], weekly, all}")
    .addHelpText("after", "\nExample:\n  ./dev ranking rebuild")
    .action(async ({ json }: { json?: boolean }) => {
      const { rebuildRankings } = await import("../ranking/rebuild.ts");
      const rebuilt = await rebuildRankings(createStack().env);
      if (json) {
        console.log(JSON.stringify(Object.fromEntries(rebuilt), null, 2));
        return;
      }
      const rows = [...rebuilt].map(([period, ranks]) => {
        const best = ranks
          .slice(0, SHOWN)
          .map(({ productId, sold }) => `${productId} (${sold.toLocaleString("en-US")})`);
        return [period, String(ranks.length), best.length === 0 ? "nothing sold" : best.join(", ")];
      });
      console.log(table(["period", "products", "best"], rows));
    });
  return new Command("ranking")
    .description("The rankings of what sold best: a copy in Redis, counted in PostgreSQL")
    .addHelpText("after", "\nExample:\n  ./dev ranking rebuild")
    .addCommand(rebuild);
}

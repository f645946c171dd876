import { Command } from "commander";
import { migrateDatabase } from "../stack/schema.ts";
import { createStack } from "../stack/stack.ts";
import { printedProgress, secondsSince } from "../terminal/progress.ts";

export function dbCommand(): Command {
  const migrate = new Command("migrate")
    .description("Creates the database if need be and brings it to the newest schema")
    .addHelpText("after", "\nExample:\n  ./dev db migrate")
    .action(async () => {
      const begun = performance.now();
      const done = await migrateDatabase(createStack());
      printedProgress().done("database", `${done} (${secondsSince(begun)})`);
    });
  return new Command("db")
    .description("The database's schema")
    .addHelpText("after", "\nExample:\n  ./dev db migrate")
    .addCommand(migrate);
}

import { Command } from "commander";
import { createStack } from "../../stack/stack.ts";

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function envCommand(): Command {
  return new Command("env")
    .description("Prints the stack's addresses and secrets as shell variables")
    .addHelpText("after", '\nExample:\n  eval "$(./dev env)" && psql "$DATABASE_URL"')
    .action(() => {
      for (const [name, value] of Object.entries(createStack().env)) console.log(`export ${name}=${quoted(value)}`);
    });
}

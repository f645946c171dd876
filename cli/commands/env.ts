import { Command } from "commander";
import { publishedAddresses } from "../../stack/env.ts";
import { createStack, type Stack } from "../../stack/stack.ts";

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Everything that a tool needs in order to talk to this stack: addresses first, then what the processes are given. */
const variablesOf = ({ env, workers }: Stack): Record<string, string> => ({
  ...publishedAddresses(env, workers()),
  ...env,
});

export function envCommand(): Command {
  return new Command("env")
    .description("Prints the stack's addresses and secrets as shell variables")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      [
        "",
        "GATEWAY_URL   customers and shops; ADMIN_URL operators (/admin/*); METRICS_URLS each process, comma-separated;",
        "REDIS_URL, DATABASE_URL, KAFKA_BROKERS and the secrets as the processes get them.",
        "",
        'Example:\n  eval "$(./dev env)" && psql "$DATABASE_URL"',
      ].join("\n"),
    )
    .action(({ json }: { json?: boolean }) => {
      const variables = variablesOf(createStack());
      if (json) console.log(JSON.stringify(variables, null, 2));
      else for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${quoted(value)}`);
    });
}

import { Command } from "commander";
import { createStack } from "../../stack/stack.ts";

export function verifyCommand(): Command {
  return new Command("verify")
    .description("Checks the promises over Redis, Kafka and PostgreSQL; exit code 1 if one is broken")
    .option("--json", "as JSON: {ok, checks: [{promise, name, ok, count, detail}]}")
    .option("--sale <couponId>", "only this sale, and no orders")
    .addHelpText("after", "\nExample:\n  ./dev verify --json")
    .action(async ({ json = false, sale }: { json?: boolean; sale?: string }) => {
      const { runVerify } = await import("../../verify/verify.ts");
      process.exitCode = await runVerify(createStack().env, { json, ...(sale ? { couponId: sale } : {}) });
    });
}

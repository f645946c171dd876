import { Command } from "commander";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { createStack } from "../../stack/stack.ts";

export function verifyCommand(): Command {
  return new Command("verify")
    .description("Checks the promises over Redis, Kafka and PostgreSQL; exit code 1 if one is broken")
    .option("--json", "as JSON: {ok, checks: [{promise, name, ok, count, detail}]}")
    .option("--sale <couponId>", "only this sale, and no orders")
    .addHelpText("after", "\nExample:\n  ./dev verify --json")
    .action(async ({ json = false, sale }: { json?: boolean; sale?: string }) => {
      const { verify } = await import("../../verify/verify.ts");
      const { printReport } = await import("../verify-report.ts");
      const { env } = createStack();
      const kafka = createBunKafka({ brokers: env.KAFKA_BROKERS, clientId: "verify" });
      const report = await verify(env, kafka, sale ? { couponId: sale } : {});
      console.log(json ? JSON.stringify(report) : printReport(report));
      process.exitCode = report.ok ? 0 : 1;
    });
}

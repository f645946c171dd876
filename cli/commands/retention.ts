import { Type } from "@sinclair/typebox";
import { Command } from "commander";
import { RetentionEnvironment } from "../../consumers/retention/environment.ts";
import { requestsWait } from "../../consumers/retention/requests-wait.ts";
import { type KindReport, previewRetention, retain } from "../../consumers/retention/round.ts";
import { OTHER_RULES, ROW_RULES } from "../../consumers/retention/rules.ts";
import { readEnvironment } from "../../contracts/wire/environment.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { createRedis, whenReady } from "../../lua/redis.ts";
import { inheritedEnvironment } from "../../stack/config.ts";
import { CliError } from "../../stack/errors.ts";
import { kafkaOf } from "../../stack/kafka-client.ts";
import { createStack } from "../../stack/stack.ts";
import { needsPostgres } from "../away.ts";
import { interruption } from "../terminal/interruption.ts";
import { table } from "../terminal/table.ts";

const REDIS_WAIT_MS = 5_000;

const settingsOf = () => readEnvironment(Type.Object(RetentionEnvironment), inheritedEnvironment());
type Settings = ReturnType<typeof settingsOf>;

function shown(reports: readonly KindReport[], settings: Settings, heading: string): string {
  const rules = [...OTHER_RULES, ...ROW_RULES];
  const rows = reports.map(({ kind, rows, oldest }) => {
    const rule = rules.find((one) => one.kind === kind)!;
    const kept = `${settings[rule.setting]} ${rule.setting.endsWith("_HOURS") ? "h" : "d"} ${rule.when}`;
    return [kind, rows.toLocaleString("en"), oldest?.toISOString().slice(0, 16) ?? "–", kept, rule.setting];
  });
  return table(["kind", heading, "oldest", "kept", "setting"], rows);
}

async function run({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }): Promise<void> {
  const settings = settingsOf();
  const stack = createStack();
  const { env } = stack;
  const db = createDatabase(env.DATABASE_URL, { max: 3, name: "stampede-retention" });
  const redis = createRedis(env.REDIS_URL);
  try {
    if (!(await whenReady(redis, REDIS_WAIT_MS)))
      throw new CliError("Redis does not answer: start it with ./dev up redis");
    const reports = await needsPostgres(env.DATABASE_URL, () =>
      dryRun ? previewRetention({ sql: db.sql, settings }) : roundNow(stack, db, redis, settings),
    );
    if (json) console.log(JSON.stringify(reports));
    else console.log(shown(reports, settings, dryRun ? "would go" : "went"));
  } finally {
    redis.disconnect();
    await db.close();
  }
}

type Deps = Parameters<typeof retain>[0];

async function roundNow(
  stack: ReturnType<typeof createStack>,
  { sql, leases }: Database,
  redis: Deps["redis"],
  settings: Settings,
): Promise<KindReport[]> {
  const say = (fields: object, message: string) => console.error(`${message}: ${JSON.stringify(fields)}`);
  const log = { debug() {}, info() {}, warn: say, error: say };
  const observe = { deleted() {}, oldest() {}, stuckSales() {} };
  const askLog = async () => {
    const admin = kafkaOf(stack.context, "retention").admin();
    return requestsWait(admin).finally(() => admin.close());
  };
  const reports = await interruption((stopping) =>
    withLeases(leases, LEASES.retention, ["all"], () =>
      retain({ sql, redis, requestsWait: askLog, settings, log, observe }, stopping),
    ),
  );
  if (reports === undefined) throw new CliError("a consumers process is just doing a round: try again in a moment");
  return reports;
}

export function retentionCommand(): Command {
  return new Command("retention")
    .description("Deletes what has been kept long enough, as role retention does every hour")
    .option("--dry-run", "only say what would go")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nHow long things are kept comes from RETENTION_… and SALE_KEEP_HOURS of this shell, which may differ from the consumers'.\n" +
        "\nExamples:\n  ./dev retention --dry-run\n  RETENTION_DEAD_LETTERS_DAYS=60 ./dev retention --dry-run",
    )
    .action(run);
}

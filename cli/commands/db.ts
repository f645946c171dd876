import { Type } from "@sinclair/typebox";
import { Command } from "commander";
import { RetentionEnvironment } from "../../consumers/retention/environment.ts";
import { readEnvironment } from "../../contracts/wire/environment.ts";
import { openPostgres } from "../../db/connect.ts";
import {
  dropPartition,
  expiredPartitions,
  listPartitions,
  makeMonths,
  PARTITIONED_TABLES,
  type Partition,
} from "../../db/partitions.ts";
import { grantRoles, ROLE_OF } from "../../db/roles.ts";
import { inheritedEnvironment } from "../../stack/config.ts";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import { migrateDatabase } from "../../stack/schema.ts";
import { createStack } from "../../stack/stack.ts";
import { needsPostgres } from "../away.ts";
import { table } from "../terminal/table.ts";

function migrateCommand(): Command {
  return new Command("migrate")
    .description("Creates the database if need be and brings it to the newest schema")
    .addHelpText("after", "\nExample:\n  ./dev db migrate")
    .action(async () => {
      const begun = performance.now();
      const stack = createStack();
      const done = await needsPostgres(stack.env.DATABASE_URL, () => migrateDatabase(stack.context));
      printedProgress().done("database", `${done} (${secondsSince(begun)})`);
    });
}

const monthOf = (ms: number | null) => (ms === null ? "–" : new Date(ms).toISOString().slice(0, 10));
const rowOf = (what: string) => (one: Partition) => [
  one.name,
  monthOf(one.from),
  monthOf(one.to),
  one.rows?.toLocaleString("en") ?? "?",
  `${(one.bytes / 1024 ** 2).toFixed(1)} MB`,
  what,
];

interface PartitionOptions {
  readonly drop?: boolean;
  readonly dryRun?: boolean;
}

async function partitions(url: string, { drop = false, dryRun = false }: PartitionOptions): Promise<void> {
  const env = readEnvironment(Type.Object(RetentionEnvironment), inheritedEnvironment());
  const keep = { audit_log: env.RETENTION_AUDIT_MONTHS, events: env.RETENTION_EVENTS_MONTHS };
  const sql = openPostgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  const rows: string[][] = [];
  let old = 0;
  try {
    for (const name of PARTITIONED_TABLES) {
      if (!dryRun) await makeMonths(sql, name);
      const expired = await expiredPartitions(sql, name, keep[name]);
      old += expired.length;
      const isExpired = ({ name }: Partition) => expired.some((one) => one.name === name);
      const all = await listPartitions(sql, name);
      if (drop && !dryRun) for (const one of expired) await dropPartition(sql, one.name);
      const fate = drop && !dryRun ? "dropped" : "older than is kept: --drop drops it";
      rows.push(...all.map((one) => rowOf(isExpired(one) ? fate : "")(one)));
    }
  } finally {
    await sql.end({ timeout: 2 });
  }
  console.log(table(["partition", "from", "to", "rows (about)", "size", ""], rows));
  const { RETENTION_AUDIT_MONTHS, RETENTION_EVENTS_MONTHS } = env;
  if (drop && old === 0) {
    const kept = `RETENTION_AUDIT_MONTHS=${RETENTION_AUDIT_MONTHS}, RETENTION_EVENTS_MONTHS=${RETENTION_EVENTS_MONTHS}`;
    console.log(`nothing to drop (${kept}; 0 keeps all)`);
  }
}

function partitionsCommand(): Command {
  return new Command("partitions")
    .description("The months of audit_log and events: makes those to come, lists all, drops old ones if told so")
    .option("--drop", "drop months beyond RETENTION_AUDIT_MONTHS and RETENTION_EVENTS_MONTHS, for good")
    .option("--dry-run", "only list what there is, and what --drop would drop")
    .addHelpText(
      "after",
      "\nRun it as the database's owner, who migrates it.\n\nExample:\n  RETENTION_AUDIT_MONTHS=24 ./dev db partitions --drop --dry-run",
    )
    .action((options: PartitionOptions) => {
      const url = createStack().env.DATABASE_URL;
      return needsPostgres(url, () => partitions(url, options));
    });
}

interface GrantOptions {
  readonly gateway: string;
  readonly consumers: string;
}

async function grant(url: string, roles: GrantOptions): Promise<void> {
  const sql = openPostgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    await grantRoles(sql, roles);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

function grantCommand(): Command {
  return new Command("grant")
    .description("Gives the roles of gateway and consumers exactly the rights that they need in this database")
    .option("--gateway <role>", "an existing role", ROLE_OF.gateway)
    .option("--consumers <role>", "an existing role", ROLE_OF.consumers)
    .addHelpText(
      "after",
      "\nRun it as the database's owner, after each migration; ./dev up does it for the stack's database. It takes rights that\nthe roles had besides.\n\nExample:\n  ./dev db grant --gateway shop_gateway --consumers shop_consumers",
    )
    .action(async (roles: GrantOptions) => {
      const begun = performance.now();
      const url = createStack().env.DATABASE_URL;
      await needsPostgres(url, () => grant(url, roles));
      const done = `${roles.gateway} and ${roles.consumers} have the rights of gateway and consumers`;
      printedProgress().done("database", `${done} (${secondsSince(begun)})`);
    });
}

export function dbCommand(): Command {
  return new Command("db")
    .description("The database's schema")
    .addHelpText("after", "\nExample:\n  ./dev db migrate")
    .addCommand(migrateCommand())
    .addCommand(partitionsCommand())
    .addCommand(grantCommand());
}

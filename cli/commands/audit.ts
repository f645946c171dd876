import { Command } from "commander";
import type { AuditLine } from "../../contracts/wire/audit.ts";
import { createStack } from "../../stack/stack.ts";
import { type AdminApi, type AuditWish, adminApi } from "../sale/admin-api.ts";
import { parseTime } from "../sale/times.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { printable } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";

interface Options {
  actor?: string;
  action?: string;
  target?: string;
  request?: string;
  from?: string;
  to?: string;
  limit: number;
  json?: boolean;
}

const LONGEST_DETAIL = 90;

/** RFC 3339 of what the command line says. @throws InvalidArgumentError */
const moment = (text: string): string => parseTime(text).toISOString();

function detailOf({ detail }: AuditLine): string {
  const text = JSON.stringify(detail);
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL - 1)}…` : text;
}

/** Lines of the audit log as a table. A change has no status: it stands there because it was committed. */
export function auditTable(lines: readonly AuditLine[]): string {
  const rows = lines.map((line) =>
    [
      line.at,
      line.actor,
      line.action,
      line.target,
      line.status === null ? "changed" : `${line.status}${line.code === null ? "" : ` ${line.code}`}`,
      line.requestId ?? "",
      line.address ?? "",
      detailOf(line),
    ].map(printable),
  );
  return table(["at", "who", "what", "target", "outcome", "request", "address", "detail"], rows);
}

export function auditCommand(api: () => AdminApi = () => adminApi(createStack().env)): Command {
  return new Command("audit")
    .description("Shows the audit log: who called what with which outcome, and what it changed; newest first")
    .option("--actor <who>", "only of this user id")
    .option("--action <what>", "only this operation (editSale) or change (sale.edited)")
    .option("--target <id>", "only about this sale, product, user, setting")
    .option("--request <id>", "only of this request: the requestId of a refusal")
    .option("--from <time>", "not earlier: RFC 3339, now, or -1h", moment)
    .option("--to <time>", "earlier", moment)
    .option("--limit <n>", "at most so many", wholeNumber(1, 100_000), 50)
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev audit --actor kim --from -24h\n  ./dev audit --request 0f3a5c9b21d47e60",
    )
    .action(async ({ limit, json, request, ...filter }: Options) => {
      const wanted: AuditWish = { ...filter, ...(request === undefined ? {} : { requestId: request }) };
      const lines = await api().audit(wanted, limit);
      if (json) console.log(JSON.stringify(lines, null, 2));
      else console.log(lines.length === 0 ? "no lines" : auditTable(lines));
    });
}

import type { VerifyReport } from "../verify/check.ts";
import { shown } from "./figures.ts";
import type { RushResult } from "./rush-judgement.ts";
import type { BenchEnvironment, Target } from "./target.ts";
import { createMint } from "./tokens.ts";

export interface DemoLine {
  /** In the JSON file; null: it is for people alone. */
  readonly name: string | null;
  /** null: it is for the file alone. */
  readonly label: string | null;
  readonly value: number | boolean | string | null | Readonly<Record<string, number>>;
  readonly shown: string;
}

/** A table as people read it. */
export function printTable(table: readonly DemoLine[]): void {
  for (const { label, shown } of table) if (label !== null) console.log(`  ${label.padEnd(36)}${shown}`);
}

/** A table as the file holds it. */
export const inFile = (table: readonly DemoLine[]) =>
  Object.fromEntries(table.flatMap(({ name, value }) => (name === null ? [] : [[name, value]])));

/** What stood behind the gateway, as far as the addresses tell. */
export function servicesLine({ REDIS_URL = "", KAFKA_BROKERS = "" }: BenchEnvironment): DemoLine {
  const brokers = KAFKA_BROKERS.split(",").length;
  const kafka = brokers === 1 ? "one Kafka broker" : `${brokers} Kafka brokers`;
  const value = `${kafka}, ${REDIS_URL.includes("+cluster:") ? "a Redis Cluster" : "one Redis"}`;
  return { name: "services", label: "services", value, shown: value };
}

/** The demo's table, for people and for the file. */
export function demoTable(result: RushResult, report: VerifyReport): DemoLine[] {
  const { load, figures, sockets } = result;
  const line = (name: string, label: string, value: number | null, unit = ""): DemoLine => ({
    name,
    label,
    value,
    shown: value === null ? "–" : `${shown(value)}${unit}`,
  });
  return [
    line("requests", "requests", load.requests),
    line("rps", "requests per second", figures.rps),
    { name: "statuses", label: "answers", value: load.statuses, shown: answers(load.statuses) },
    line("winners", "winners", result.winners),
    line("persisted", "persisted", result.persisted),
    line("oversold", "oversold", result.oversold),
    line("duplicates", "duplicates", result.duplicates),
    line("lost", "lost", result.lost),
    line("sold_out_s", "sold out after", result.soldOutS, " s"),
    line("answered_s", "all users answered after", load.seconds, " s"),
    line("persisted_s", "last winner persisted after", result.persistedS, " s"),
    line("told_s", "last winner on a socket told after", sockets.lastToldS, " s"),
    line("p50_ms", "p50", figures.p50_ms, " ms"),
    line("p99_ms", "p99", figures.p99_ms, " ms"),
    line("max_ms", "slowest", figures.max_ms, " ms"),
    {
      name: "sockets",
      label: "sockets",
      value: { open: sockets.open, winners: sockets.winners, told: sockets.told, heard_sold_out: sockets.heardSoldOut },
      shown: `${sockets.told} of ${sockets.winners} winners told, ${sockets.heardSoldOut} of ${sockets.open} heard of the end`,
    },
    line("sold_out_spread_ms", "first to last socket that heard it", sockets.soldOutSpreadMs, " ms"),
    line("cpu_us_per_request", "gateway CPU per request", figures.cpu_us_per_request, " µs"),
    verifiedLine(report),
  ];
}

export function verifiedLine({ ok, checks }: VerifyReport): DemoLine {
  const failed = checks.filter((check) => !check.ok).length;
  const text = ok ? `✓ ${checks.length} checks hold` : `✗ ${failed} checks failed`;
  return { name: "verified", label: "verify", value: ok, shown: text };
}

const MEANING: Readonly<Record<string, string>> = { 202: "accepted", 200: "won before", 409: "sold out" };

function answers(statuses: Readonly<Record<number, number>>): string {
  const all = Object.entries(statuses);
  return all.map(([status, n]) => `${shown(n)} × ${status}${MEANING[status] ? ` ${MEANING[status]}` : ""}`).join(", ");
}

/** What a visitor can do now. */
export function whatNext(target: Target, couponId: string): string {
  const token = createMint(target.tokens)("visitor");
  return [
    "Everything is still running:",
    `  API       ${target.url}   documents ${target.url}/docs   operators ${target.adminUrl}   (./dev env prints all addresses)`,
    `  the sale  ${target.url}/coupons/${couponId}`,
    "",
    "Try it (this sale is sold out; `./dev sale create --total 10` makes another):",
    `  curl -i -X POST ${target.url}/coupons/${couponId}/issue -H 'authorization: Bearer ${token}'`,
    "",
    "Check again with ./dev verify, look with ./dev status, stop with ./dev down.",
  ].join("\n");
}

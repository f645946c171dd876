import { intArray, textArray } from "../db/array-literal.ts";
import type { Sql } from "../db/client.ts";
import type { StoredLedgerEntry, StoredWinner } from "./facts.ts";

/**
 * Temporary tables that hold Redis's side of one sale, so that PostgreSQL compares the two by hash joins: a million
 * winners stay out of this process, and beyond work_mem they spill to the server's disk. They belong to one session:
 * `sql` must be a client with a single connection.
 *
 * Filled through unnest: a million rows in 1.3 s; COPY took half of that and would have needed its own escaping.
 */
export async function createStage(sql: Sql): Promise<void> {
  await sql`SET work_mem = '64MB'`;
  // A plan for "any sale" is wrong for the one with a million rows.
  await sql`SET plan_cache_mode = force_custom_plan`;
  // Of a sale that was sold a minute ago the statistics know nothing: the planner expects a handful of rows and loops
  // over 200,000. Whole sales are compared here, and for that a hash is never wrong.
  await sql`SET enable_nestloop = off`;
  // Made from the real columns, so that both sides of a join have one collation.
  await sql`CREATE TEMP TABLE stage_winners AS SELECT user_id, slot, request_id FROM user_coupons WITH NO DATA`;
  await sql`CREATE TEMP TABLE stage_ledger AS SELECT user_id, slot, request_id FROM user_coupons WITH NO DATA`;
  await sql`CREATE TEMP TABLE stage_statuses AS SELECT request_id, false AS issued FROM user_coupons WITH NO DATA`;
  await sql`CREATE TEMP TABLE stage_freed (slot integer)`;
}

/** Empties the stage for the next sale. */
export async function clearStage(sql: Sql): Promise<void> {
  await sql`TRUNCATE stage_winners, stage_ledger, stage_statuses, stage_freed`;
}

/** So that the planner knows how much lies there: without it a join of a million rows may become a nested loop. */
export async function analyzeStage(sql: Sql): Promise<void> {
  for (const table of ["stage_winners", "stage_ledger", "stage_statuses", "stage_freed"])
    await sql`ANALYZE ${sql(table)}`;
}

export async function stageWinners(sql: Sql, pieces: AsyncIterable<StoredWinner[]>): Promise<void> {
  for await (const piece of pieces) {
    await sql`INSERT INTO stage_winners SELECT * FROM unnest(
      ${textArray(piece.map((winner) => winner.userId))}::text[],
      ${slots(piece)}::integer[],
      ${textArray(piece.map((winner) => winner.requestId))}::text[])`;
  }
}

export async function stageLedger(sql: Sql, pieces: AsyncIterable<StoredLedgerEntry[]>): Promise<void> {
  for await (const piece of pieces) {
    await sql`INSERT INTO stage_ledger SELECT * FROM unnest(
      ${textArray(piece.map((entry) => entry.userId))}::text[],
      ${slots(piece)}::integer[],
      ${textArray(piece.map((entry) => entry.requestId))}::text[])`;
  }
}

/** What was said to be ISSUED or FAILED; a PENDING says neither. @returns how many there were */
export async function stageStatuses(sql: Sql, pieces: AsyncIterable<[string, string][]>): Promise<number> {
  let count = 0;
  for await (const all of pieces) {
    const piece = all.filter(([, text]) => !text.startsWith("PENDING"));
    count += piece.length;
    await sql`INSERT INTO stage_statuses SELECT * FROM unnest(
      ${textArray(piece.map(([requestId]) => requestId))}::text[],
      ${`{${piece.map(([, text]) => (text.startsWith("ISSUED") ? "t" : "f")).join(",")}}`}::boolean[])`;
  }
  return count;
}

export async function stageFreed(sql: Sql, freed: readonly (number | null)[]): Promise<void> {
  const readable = freed.filter((slot) => slot !== null);
  await sql`INSERT INTO stage_freed SELECT * FROM unnest(${intArray(readable)}::integer[])`;
}

const slots = (piece: readonly { slot: number | null }[]) => `{${piece.map(({ slot }) => slot ?? "NULL").join(",")}}`;

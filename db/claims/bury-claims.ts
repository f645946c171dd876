import { textArray } from "../array-literal.ts";
import type { Sql } from "../client.ts";
import { lockSale } from "../sales/lock-sale.ts";
import { insertTombstones, type Tombstone } from "./insert-tombstones.ts";

/**
 * Gives up claims that are refused for good, unless they were settled meanwhile: a claim that was persisted, or that became
 * another name of its user's coupon, is a win and has been told so. Under the sales' locks, because no unique index tells a tombstone
 * from an alias: a batch that is just inserting either is through before, or sees the tombstone.
 * @returns the request ids whose tombstone stands
 */
export async function buryClaims(sql: Sql, tombstones: readonly Tombstone[]): Promise<ReadonlySet<string>> {
  const saleIds = [...new Set(tombstones.map(({ couponId }) => couponId))].sort();
  let standing: ReadonlySet<string> = new Set();
  await sql.begin(async (tx) => {
    for (const couponId of saleIds) await lockSale(tx, couponId);
    const rows = await tx<{ request_id: string }[]>`
      SELECT request_id FROM request_aliases
      WHERE request_id = ANY (${textArray(tombstones.map(({ requestId }) => requestId))}::text[])`;
    const aliases = new Set(rows.map(({ request_id }) => request_id));
    const hopeless = tombstones.filter(({ requestId }) => !aliases.has(requestId));
    if (hopeless.length > 0) standing = await insertTombstones(tx, hopeless);
  });
  return standing;
}

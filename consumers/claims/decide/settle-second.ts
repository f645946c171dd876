import { findStanding, type StandingClaim } from "../../../db/claims/conflicts.ts";
import { insertAliases } from "../../../db/claims/insert.ts";
import type { Sql } from "../../../db/client.ts";
import { shareSales } from "../../../db/sales/lock.ts";
import type { OutgoingRecord } from "../../../kafka/kafka.ts";
import { issuedRecord } from "../persist/announce.ts";
import type { Decisions } from "./decide-sale.ts";
import type { Request } from "./request.ts";

export interface SecondSettled {
  readonly news: readonly OutgoingRecord[];
  readonly issued: readonly { readonly request: Request; readonly slot: number }[];
  /** PostgreSQL holds nothing for these users any more: Redis is about to learn it, and then they are asked anew. */
  readonly undecided: readonly Request[];
}

/**
 * Second requests of winners become names for their coupon. Only PostgreSQL's word counts, under the sales' lock: a coupon
 * that is being revoked just now must not come back by another request of its user.
 */
export async function settleSecond(sql: Sql, second: Decisions["second"]): Promise<SecondSettled> {
  if (second.length === 0) return { news: [], issued: [], undecided: [] };
  const standing = await nameCoupons(sql, second);
  const news: OutgoingRecord[] = [];
  const issued: { request: Request; slot: number }[] = [];
  const undecided: Request[] = [];
  for (const { request } of second) {
    const row = standing.get(request.requestId);
    if (row?.heldRequest == null) {
      undecided.push(request);
      continue;
    }
    news.push(issuedRecord(request, row.heldSlot!, row.heldIssuedAt!));
    issued.push({ request, slot: row.heldSlot! });
  }
  return { news, issued, undecided };
}

function nameCoupons(sql: Sql, second: Decisions["second"]): Promise<Map<string, StandingClaim>> {
  const asked = second.map(({ request, slot }) => ({ ...request, slot, epoch: 1 }));
  const saleIds = [...new Set(asked.map(({ couponId }) => couponId as string))].sort();
  return sql.begin(async (tx) => {
    await shareSales(tx, saleIds);
    const standing = new Map((await findStanding(tx, asked)).map((row) => [row.requestId, row]));
    const aliases = asked.flatMap((request) => {
      const row = standing.get(request.requestId);
      return row?.heldRequest == null || row.ownStatus !== null
        ? []
        : [{ ...request, originalRequestId: row.heldRequest }];
    });
    if (aliases.length > 0) await insertAliases(tx, aliases);
    return standing;
  });
}

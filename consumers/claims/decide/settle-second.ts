import { nameCoupons } from "../../../db/claims/persist.ts";
import type { Sql } from "../../../db/client.ts";
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

/** Second requests of winners become names of their coupon. Only PostgreSQL's word counts. */
export async function settleSecond(sql: Sql, second: Decisions["second"]): Promise<SecondSettled> {
  if (second.length === 0) return { news: [], issued: [], undecided: [] };
  const asked = second.map(({ request, slot }) => ({ ...request, slot, epoch: 1 }));
  const standing = await nameCoupons(sql, asked);
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

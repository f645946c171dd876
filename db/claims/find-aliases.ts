import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface FoundAlias {
  readonly request_id: string;
  readonly original_request_id: string;
}

/**
 * Other names of these requests of one sale. By the range of the sale's own request ids (they begin with its id): an index
 * on the originals would be paid by every alias for a question that only operators ask.
 */
export function findAliases(
  sql: Executor,
  couponId: string,
  originals: readonly string[],
): Promise<readonly FoundAlias[]> {
  return sql<FoundAlias[]>`
    SELECT request_id, original_request_id FROM request_aliases
    WHERE request_id >= ${`${couponId}-`} AND request_id < ${`${couponId}.`}
      AND original_request_id = ANY (${textArray(originals)}::text[])`;
}

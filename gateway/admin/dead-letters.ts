import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { pageOf } from "../page.ts";
import { json } from "../problem.ts";
import type { Handler } from "../transports/transport.ts";

/** Dead letters, newest first. */
export type ListDeadLetters = (
  cursor: string | null,
  limit: number,
) => Promise<{ items: readonly object[]; nextCursor: string | null }>;

/** GET /admin/dead-letters */
export function deadLettersRoute(list: ListDeadLetters, authenticate: Authenticate): Handler {
  return async (request) => {
    identifyOperator(request, authenticate);
    const { cursor, limit } = pageOf(request);
    return json(200, await list(cursor, limit));
  };
}

import { createHash } from "node:crypto";
import { canonicalJson } from "../contracts/wire/canonical-json.ts";
import { StampedeError } from "../contracts/wire/errors.ts";
import type { Executor, Sql } from "./client.ts";
import { OPERATOR_REQUEST } from "./names.ts";

export interface OperatorRequest {
  readonly actor: string;
  /** Of the header Idempotency-Key, scoped to the actor; null: a repeat does the work again. */
  readonly idempotencyKey: string | null;
  /** What is asked for: the call and its body. */
  readonly request: unknown;
}

/**
 * Does an operator's work in one transaction, once per key: a repeat gets the first answer and changes nothing. Two at once
 * wait for each other at the key's row; of a first one that failed nothing is left, and the second does the work.
 * @throws StampedeError IDEMPOTENCY_KEY_REUSED: the key stands for another request
 */
export async function once<T extends object>(
  sql: Sql,
  { actor, idempotencyKey, request }: OperatorRequest,
  work: (tx: Executor) => Promise<T>,
): Promise<T> {
  const result = await sql.begin(async (tx): Promise<{ answer: T }> => {
    if (idempotencyKey === null) return { answer: await work(tx) };
    const hash = createHash("sha256").update(canonicalJson(request)).digest("hex");
    const [taken] = await tx`
      INSERT INTO ${OPERATOR_REQUEST.table} (${OPERATOR_REQUEST.actor}, ${OPERATOR_REQUEST.idempotencyKey},
        ${OPERATOR_REQUEST.requestHash}, ${OPERATOR_REQUEST.answer})
      VALUES (${actor}, ${idempotencyKey}, ${hash}, '{}') ON CONFLICT DO NOTHING RETURNING 1`;
    if (taken === undefined) {
      const [earlier] = await tx<{ requestHash: string; answer: T }[]>`
        SELECT ${OPERATOR_REQUEST.requestHash} AS "requestHash", ${OPERATOR_REQUEST.answer} FROM ${OPERATOR_REQUEST.table}
        WHERE ${OPERATOR_REQUEST.actor} = ${actor} AND ${OPERATOR_REQUEST.idempotencyKey} = ${idempotencyKey}`;
      if (earlier!.requestHash !== hash) throw new StampedeError("IDEMPOTENCY_KEY_REUSED");
      return { answer: earlier!.answer };
    }
    const answer = await work(tx);
    await tx`
      UPDATE ${OPERATOR_REQUEST.table} SET ${OPERATOR_REQUEST.answer} = ${JSON.stringify(answer)}::text::jsonb
      WHERE ${OPERATOR_REQUEST.actor} = ${actor} AND ${OPERATOR_REQUEST.idempotencyKey} = ${idempotencyKey}`;
    return { answer };
  });
  return result.answer;
}

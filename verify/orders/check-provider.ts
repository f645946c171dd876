import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ProviderPayment } from "../../contracts/payments/api.ts";
import { textArray } from "../../db/array-literal.ts";
import type { Executor } from "../../db/client.ts";
import type { CheckResult } from "../check.ts";
import { readProviderBooks } from "./provider-books.ts";

interface PaymentRow {
  readonly orderId: string;
  readonly status: string;
  readonly captured: number;
  readonly refunded: number;
  /** In which the provider captured; of a payment that the release before captured, the one that was asked for. */
  readonly currency: string;
  /** Not definite, or on its way back: a worker may be calling the provider at this moment. */
  readonly open: boolean;
}

export interface ProviderLook {
  readonly sql: Executor;
  readonly url: string | undefined;
  /** Pause before suspects are read again, milliseconds. */
  readonly recheckMs: number;
  /** How long a webhook that tells of a late capture may take. */
  readonly patienceMs: number;
}

/**
 * The provider's books against our payments: it holds no money that we do not know of, and what we know, it confirms. The
 * rows are read first. A row that is definite changes only after it was opened again, so one that is the same at the next
 * look has not moved in between.
 */
export async function checkProvider({ sql, url, recheckMs, patienceMs }: ProviderLook): Promise<CheckResult> {
  const name = "provider-agrees";
  let rows = await readRows(sql, null);
  const books = url ? await readProviderBooks(url) : null;
  if (books === null) return { name, violations: [], examined: 0, note: NO_BOOKS, incomplete: true };
  let wrong = differences([...new Set([...rows.keys(), ...books.keys()])], rows, books);
  for (const deadline = performance.now() + patienceMs; wrong.size > 0; ) {
    await sleep(recheckMs);
    const again = await readRows(sql, [...wrong.keys()]);
    const still = [...wrong.keys()].filter((orderId) => isDeepStrictEqual(rows.get(orderId), again.get(orderId)));
    wrong = differences(still, again, (await readProviderBooks(url!)) ?? new Map());
    rows = again;
    if (performance.now() >= deadline) break;
  }
  return { name, violations: [...wrong].map(([orderId, why]) => `order ${orderId}: ${why}`), examined: books.size };
}

const NO_BOOKS = "the payment provider shows no books: not compared";

type Rows = ReadonlyMap<string, PaymentRow>;
type Books = ReadonlyMap<string, ProviderPayment>;

/** What is wrong with these orders, if anything is. */
function differences(orderIds: readonly string[], rows: Rows, books: Books): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const orderId of orderIds) {
    const why = difference(rows.get(orderId), books.get(orderId));
    if (why !== null) wrong.set(orderId, why);
  }
  return wrong;
}

/** All payments, or those of some orders. */
async function readRows(sql: Executor, orderIds: readonly string[] | null): Promise<Rows> {
  const rows = await sql<PaymentRow[]>`
    SELECT order_id AS "orderId", status, captured_amount::double precision AS captured,
           refunded_amount::double precision AS refunded, coalesce(captured_currency, currency) AS currency,
           status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted AS open
    FROM payments WHERE ${orderIds === null}::boolean OR order_id = ANY (${textArray(orderIds ?? [])}::text[])`;
  return new Map(rows.map((row) => [row.orderId, row]));
}

/** What is wrong; null: nothing. What the provider does not know, it holds no money for. */
function difference(row: PaymentRow | undefined, theirs: ProviderPayment | undefined): string | null {
  const { capturedAmount: captured, refundedAmount: refunded } = theirs ?? { capturedAmount: 0, refundedAmount: 0 };
  if (row === undefined) {
    return captured === refunded ? null : `the provider keeps ${captured - refunded}, and PostgreSQL knows no payment`;
  }
  const isSameMoney = captured === 0 || row.currency === theirs?.currency;
  if (row.open || (row.captured === captured && row.refunded === refunded && isSameMoney)) return null;
  const ours = `${row.status} with ${row.captured} ${row.currency} captured and ${row.refunded} refunded`;
  if (theirs === undefined) return `${ours}, and the provider knows no payment`;
  return `${ours}, at the provider ${theirs.status} with ${captured} ${theirs.currency} and ${refunded}`;
}

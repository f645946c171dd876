import { expect } from "bun:test";
import { createHash } from "node:crypto";
import type postgres from "postgres";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { ProviderPayment } from "../../contracts/payments/api.ts";

/** An order's id that this name always yields. */
export function orderNamed(name: string): OrderId {
  const hex = createHash("sha256").update(`${name} ${process.pid}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as OrderId;
}

/** All that the simulator knows. */
export async function readBooks(url: string): Promise<Map<string, ProviderPayment>> {
  const books = new Map<string, ProviderPayment>();
  for (let from: number | null = 0; from !== null; ) {
    const page = (await (await fetch(`${url}/books?from=${from}`)).json()) as {
      items: ProviderPayment[];
      next: number | null;
    };
    for (const payment of page.items) books.set(payment.key, payment);
    from = page.next;
  }
  return books;
}

const isUnreadable = ({ amount, status }: postgres.Row) => amount === 0 && status === "DECLINED";

/** PostgreSQL's payments and the provider's books say the same of every order, and no outcome contradicts them. */
export async function expectBalanced(sql: postgres.Sql, url: string): Promise<void> {
  const books = await readBooks(url);
  const rows = await sql`
    SELECT p.order_id, p.status, p.captured_amount::int AS captured, p.refunded_amount::int AS refunded, p.amount::int,
           p.refunded_elsewhere::int AS elsewhere, p.captured_currency, p.currency, p.failure_reason,
           o.outcome, o.restored_at
    FROM payments p LEFT JOIN step_outcomes o ON o.order_id = p.order_id AND o.step = 'PAYMENT'`;
  for (const row of rows) {
    const theirs = books.get(row.order_id);
    books.delete(row.order_id);
    // A payment that was never asked for is unknown there: its restore came first, or its command could not be read. So is one
    // whose charge was refused as it stood.
    const expected = theirs ?? { status: "VOIDED", capturedAmount: 0, refundedAmount: 0 };
    const isRefused = theirs === undefined && (row.failure_reason === "UNSUPPORTED_CARD" || isUnreadable(row));
    expect(row).toMatchObject({
      status: isRefused ? "DECLINED" : expected.status,
      captured: expected.capturedAmount,
      refunded: expected.refundedAmount,
    });
    if (theirs && theirs.capturedAmount > 0) expect(row.captured_currency).toBe(theirs.currency);
    const paid = row.outcome === "COMPLETED" && row.restored_at === null;
    expect({ order: row.order_id, kept: row.captured - row.refunded }).toEqual({
      order: row.order_id,
      kept: paid ? row.amount - row.elsewhere : 0,
    });
    if (paid) expect(row.captured_currency).toBe(row.currency);
  }
  expect([...books.keys()]).toEqual([]);
}

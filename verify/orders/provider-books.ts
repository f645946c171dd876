import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ProviderPayment } from "../../contracts/payments/api.ts";

const Page = TypeCompiler.Compile(
  Type.Object({ items: Type.Array(ProviderPayment), next: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]) }),
);
const PATIENCE_MS = 5_000;

/**
 * All that the payment provider knows, by key. null: it does not answer, or has no such page (a real provider's books are
 * read elsewhere: this is the simulator's).
 */
export async function readProviderBooks(url: string): Promise<ReadonlyMap<string, ProviderPayment> | null> {
  const books = new Map<string, ProviderPayment>();
  const base = url.replace(/\/+$/, "");
  for (let from: number | null = 0; from !== null; ) {
    const page = await pageOf(`${base}/books?from=${from}`);
    if (page === null) return null;
    for (const payment of page.items) books.set(payment.key, payment);
    from = page.next;
  }
  return books;
}

async function pageOf(url: string) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), redirect: "manual" });
    const page: unknown = response.ok ? await response.json() : null;
    return Page.Check(page) ? page : null;
  } catch {
    return null; // no answer, or no JSON: the report says "not compared"
  }
}

import type { OrderBooks } from "./books.ts";
import { ENDS, type OrderFate } from "./mix.ts";
import type { OrderLoadResult } from "./plan.ts";
import type { BenchShop } from "./shop.ts";

/** What came of a run of orders. */
export interface OrderOutcome {
  readonly placed: number;
  readonly completed: number;
  readonly cancelled: number;
  /** Why they were cancelled → orders. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Accepted and not ended, as their owners or as PostgreSQL see it. */
  readonly unsettled: number;
  /** Minor units. */
  readonly captured: number;
  readonly refunded: number;
  /** Sentences; empty when everything is as promised. */
  readonly wrong: readonly string[];
}

/** Judges a run by what owners were told and by what PostgreSQL holds, without trusting either. */
export function judgeOrders(load: OrderLoadResult, books: OrderBooks, shop: BenchShop): OrderOutcome {
  const { captured, refunded } = books;
  const ends = Object.entries(books.ends);
  const reasons = Object.fromEntries(
    ends.filter(([end]) => end.startsWith("CANCELLED")).map(([end, n]) => [end.slice("CANCELLED ".length), n]),
  );
  const cancelled = sum(Object.values(reasons));
  const completed = books.ends.COMPLETED ?? 0;
  const open = sum(ends.map(([, n]) => n)) - completed - cancelled;
  const unsettled = Math.max(load.unsettled, open);
  const wrong = [...heardWrong(load), ...toldOtherwise(load, books), ...unbalanced(books, shop)];
  if (open > 0) wrong.push(`${open} orders have not ended in PostgreSQL`);
  return { placed: load.placed, completed, cancelled, reasons, unsettled, captured, refunded, wrong };
}

/** What is wrong with the answers and messages alone. */
function heardWrong(load: OrderLoadResult): string[] {
  const wrong: string[] = [];
  if (load.errors > 0) wrong.push(`${load.errors} requests got no answer`);
  for (const [status, n] of Object.entries(load.statuses)) {
    if (status !== "202") wrong.push(`${n} orders were answered ${status}: ${load.samples[Number(status)]}`);
  }
  for (const [status, n] of Object.entries(load.cancels)) {
    if (status !== "202" && status !== "409") wrong.push(`${n} requests to cancel were answered ${status}`);
  }
  if (load.unsettled > 0) wrong.push(`the owners of ${load.unsettled} orders were not told how they ended`);
  if (load.dropped > 0) wrong.push(`${load.dropped} sockets were dropped`);
  for (const [name, n] of Object.entries(load.outcomes)) {
    const [fate, ...end] = name.split(" ") as [OrderFate, ...string[]];
    if (!ENDS[fate].includes(end.join(" "))) wrong.push(`${n} orders that should be ${fate} ended ${end.join(" ")}`);
  }
  return wrong;
}

/** Owners were told one thing, and PostgreSQL says another. */
function toldOtherwise(load: OrderLoadResult, books: OrderBooks): string[] {
  if (load.unsettled > 0 || load.errors > 0) return []; // said already
  const told = new Map<string, number>();
  for (const [name, n] of Object.entries(load.outcomes)) {
    const end = name.slice(name.indexOf(" ") + 1);
    told.set(end, (told.get(end) ?? 0) + n);
  }
  const all = new Set([...told.keys(), ...Object.keys(books.ends)]);
  return [...all]
    .filter((end) => (told.get(end) ?? 0) !== (books.ends[end] ?? 0))
    .map((end) => `${told.get(end) ?? 0} owners were told ${end}, PostgreSQL has ${books.ends[end] ?? 0}`);
}

function unbalanced(books: OrderBooks, { goods, stock, users }: BenchShop): string[] {
  const wrong: string[] = [];
  const same = (what: string, is: number, should: number) => {
    if (is !== should) wrong.push(`${what}: ${is} instead of ${should}`);
  };
  same("settled orders wrongly paid", books.wronglyPaid, 0);
  same("money kept", books.captured - books.refunded, books.payable);
  same("points left", books.balance, users * goods.points - books.pointsUsed);
  same("points booked", books.booked, books.balance);
  same("pieces left", books.stock, goods.products.length * stock - books.confirmed - books.reserved);
  same("pieces reserved", books.reserved, 0);
  same("pieces confirmed", books.confirmed, books.sold);
  same("coupons used", books.couponsUsed, books.ordersWithCoupon);
  same("coupons used by no order", books.couponsAstray, 0);
  return wrong;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

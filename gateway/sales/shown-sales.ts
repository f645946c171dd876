import { batchPerTurn } from "../../contracts/async/per-turn.ts";
import { RecentReads } from "../../contracts/async/recent-reads.ts";
import type { CurrentSale } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import type { SaleCount } from "../../lua/sale-reading.ts";
import { type SharedBody, sharedBody } from "../http/shared-body.ts";
import { viewSale } from "./sale-view.ts";

export interface ShownSale {
  readonly sale: CurrentSale;
  readonly body: SharedBody;
}

export interface ShownSalesParts {
  /** Those of the sales that exist. */
  readonly findRows: (couponIds: readonly CouponId[]) => Promise<readonly SaleRow[]>;
  /** null: not in Redis, or Redis does not answer. Never rejects. */
  readonly count: (couponId: CouponId) => Promise<SaleCount | null>;
  /** The time by the clock that decides claims, milliseconds since 1970. */
  readonly now: () => number;
  /** How long one read is shown, milliseconds. Default SHOWN_MS. */
  readonly shownMs?: number;
}

/** How long one read of a sale is shown, milliseconds. With `max-age=1`, a browser shows what is at most 1.5 s old. */
export const SHOWN_MS = 500;
/** Sales of which this process remembers the row and the count, and as many invented ids (for twice as long); about 2 kB each. */
const REMEMBERED = 10_000;

interface Composed {
  readonly count: SaleCount | null;
  /** The moment by `now` at which the sale's state changes by the clock; Infinity: never. */
  readonly until: number;
  readonly shown: ShownSale;
}

/** What visitors see of sales: one read of PostgreSQL and one of Redis per sale and half a second, however many of them ask. */
export class ShownSales {
  readonly #parts: ShownSalesParts;
  readonly #rows: RecentReads<CouponId, SaleRow>;
  /** A sale that Redis does not have is no invented id, so its null is wrapped. */
  readonly #counts: RecentReads<CouponId, { readonly count: SaleCount | null }>;
  readonly #composed = new WeakMap<SaleRow, Composed>();

  constructor(parts: ShownSalesParts) {
    this.#parts = parts;
    const { shownMs = SHOWN_MS } = parts;
    const findTogether = batchPerTurn<CouponId, SaleRow | null>(async (ids) => {
      const found = new Map((await parts.findRows([...new Set(ids)])).map((row) => [row.id, row]));
      return ids.map((id) => found.get(id) ?? null);
    });
    this.#rows = new RecentReads(findTogether, { maxAgeMs: shownMs, max: REMEMBERED, missingMs: 2 * shownMs });
    this.#counts = new RecentReads(async (id) => ({ count: await parts.count(id) }), {
      maxAgeMs: shownMs,
      max: REMEMBERED,
    });
  }

  /** The sale, at most `maxAgeMs` old; null: no such sale. No promise if it is in memory. Rejects with the error of PostgreSQL. */
  get(couponId: CouponId, maxAgeMs?: number): ShownSale | null | Promise<ShownSale | null> {
    const row = this.#rows.get(couponId, maxAgeMs);
    return row instanceof Promise
      ? row.then(({ value }) => this.#withCount(value, maxAgeMs))
      : this.#withCount(row.value, maxAgeMs);
  }

  /** The sale's count, at most `maxAgeMs` old. A sale that has left Redis has none there. */
  count(row: SaleRow, maxAgeMs?: number): SaleCount | null | Promise<SaleCount | null> {
    if (row.leftRedisAt !== null && row.endsAt.getTime() <= this.#parts.now()) return null;
    const count = this.#counts.get(row.id as CouponId, maxAgeMs);
    return count instanceof Promise ? count.then(({ value }) => value!.count) : count.value!.count;
  }

  #withCount(row: SaleRow | null, maxAgeMs: number | undefined): ShownSale | null | Promise<ShownSale> {
    if (row === null) return null;
    const count = this.count(row, maxAgeMs);
    return count instanceof Promise ? count.then((one) => this.#compose(row, one)) : this.#compose(row, count);
  }

  /** The sale has changed: questions from now on see the change. */
  forget(couponId: CouponId): void {
    this.#rows.forget(couponId);
    this.#counts.forget(couponId);
  }

  /** The body is made once for all who get the same row and count, until the clock changes the state. */
  #compose(row: SaleRow, count: SaleCount | null): ShownSale {
    const now = this.#parts.now();
    const known = this.#composed.get(row);
    if (known !== undefined && known.count === count && now < known.until) return known.shown;
    const sale = { ...viewSale(row, count, now), now: new Date(now).toISOString() };
    const shown = { sale, body: sharedBody(sale) };
    const until = [row.startsAt, row.endsAt].map((time) => time.getTime()).find((time) => time > now) ?? Infinity;
    this.#composed.set(row, { count, until, shown });
    return shown;
  }
}

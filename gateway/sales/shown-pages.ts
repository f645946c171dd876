import { RecentReads } from "../../contracts/async/recent-reads.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import { type SharedBody, sharedBody } from "../http/shared-body.ts";
import { createReadSales, type ListRows, type ReadSalesParts } from "./read-sales.ts";
import { SHOWN_MS } from "./shown-sales.ts";

type RowsPage = Awaited<ReturnType<ListRows>>;

export interface ShownPagesParts extends ReadSalesParts {
  /** The cursor of the page after a row. */
  readonly cursorAfter: (row: SaleRow) => string;
  /** How long a page is shown, milliseconds. Default SHOWN_MS. */
  readonly shownMs?: number;
}

/** The longest page; all shorter first pages are made from it. */
const LONGEST = 200;
/** Pages that this process remembers: about 80 kB for 200 sales without metadata. */
const PAGES = 32;

/** What visitors see of the list of sales: each page is made once in half a second, however many ask for it. */
export class ShownPages {
  readonly #cursorAfter: ShownPagesParts["cursorAfter"];
  readonly #first: RecentReads<"first", RowsPage>;
  readonly #pages: RecentReads<string, SharedBody>;

  constructor(parts: ShownPagesParts) {
    const { shownMs = SHOWN_MS } = parts;
    this.#first = new RecentReads(() => parts.list(null, LONGEST), { maxAgeMs: shownMs, max: 1 });
    const list: ListRows = (cursor, limit) => (cursor === null ? this.#firstPage(limit) : parts.list(cursor, limit));
    const read = createReadSales({ ...parts, list });
    this.#cursorAfter = parts.cursorAfter;
    this.#pages = new RecentReads(
      async (key) => {
        const space = key.indexOf(" ");
        return sharedBody(await read(key.slice(space + 1) || null, Number(key.slice(0, space))));
      },
      { maxAgeMs: shownMs, max: PAGES },
    );
  }

  /** No promise if it is in memory. Rejects with StampedeError VALIDATION_FAILED for a foreign cursor, DATABASE_UNAVAILABLE. */
  get(cursor: string | null, limit: number): SharedBody | Promise<SharedBody> {
    const page = this.#pages.get(`${limit} ${cursor ?? ""}`);
    return page instanceof Promise ? page.then(({ value }) => value!) : page.value!;
  }

  /** A sale was created or changed here: the next question reads its page. */
  forgetAll(): void {
    this.#first.forgetAll();
    this.#pages.forgetAll();
  }

  async #firstPage(limit: number): Promise<RowsPage> {
    const first = (await this.#first.get("first")).value!;
    if (first.rows.length <= limit) return first;
    const rows = first.rows.slice(0, limit);
    return { rows, nextCursor: this.#cursorAfter(rows.at(-1)!) };
  }
}

import { COUPON_TERMS, type CouponTermsView } from "../../contracts/claims/http.ts";
import { coupons } from "../schema.ts";

const NAMES = Object.keys(COUPON_TERMS) as readonly (keyof CouponTermsView)[];

/** The columns of a sale's terms, each by the name that the API has for it. A term without a column fails the type check here. */
export const TERM_COLUMNS = Object.fromEntries(NAMES.map((name) => [name, coupons[name]])) as Pick<
  typeof coupons,
  keyof CouponTermsView
>;

export type TermsRow = Pick<typeof coupons.$inferSelect, keyof CouponTermsView>;
type Shown<Row> = { readonly [Name in keyof Row]: Row[Name] extends Date | null ? ShownDate<Row[Name]> : Row[Name] };
type ShownDate<Value> = Value extends Date ? string : Value;

/** The terms as the API shows them, from any row that has them: times as RFC 3339, everything else as it is stored. */
export function shownTerms(row: TermsRow): CouponTermsView {
  const shown = NAMES.map((name) => {
    const value = row[name];
    return [name, value instanceof Date ? value.toISOString() : value];
  });
  const terms: Shown<TermsRow> = Object.fromEntries(shown);
  return terms;
}

import type { Cart, CartLine } from "../../contracts/shop/http-cart.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { add, type Money, NOTHING, times } from "../../contracts/wire/money.ts";

/** A cart with its sum at current prices; the sum is null where there is no correct one. */
export function cartView(items: CartLine[]): Cart {
  const currencies = new Set(items.map(({ currency }) => currency));
  if (currencies.size !== 1) return { items, totalAmount: items.length === 0 ? NOTHING : null, currency: null };
  return { items, totalAmount: sumOf(items), currency: items[0]!.currency };
}

function sumOf(items: readonly CartLine[]): Money | null {
  try {
    return items.reduce((sum, { unitPrice, quantity }) => add(sum, times(unitPrice, quantity)), NOTHING);
  } catch (error) {
    if (error instanceof StampedeError && error.code === "AMOUNT_OUT_OF_RANGE") return null; // an order of such a cart is refused
    throw error;
  }
}

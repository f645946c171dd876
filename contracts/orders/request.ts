import { canonicalJson } from "../wire/canonical-json.ts";
import { StampedeError } from "../wire/errors.ts";
import type { PlaceOrder } from "./http.ts";
import type { ProductId } from "./ids.ts";
import { MAX_LINES, MAX_QUANTITY, type ProductQuantity } from "./parts.ts";

/**
 * Each product once, sorted by its id (by UTF-16 unit, which for product ids is by byte, as in PostgreSQL's "C"). All code
 * that locks products locks them in this order. @throws StampedeError VALIDATION_FAILED: too many of one, too many lines
 */
export function mergeLines(items: readonly ProductQuantity[]): ProductQuantity[] {
  const quantities = new Map<ProductId, number>();
  for (const { productId, quantity } of items) {
    const sum = (quantities.get(productId) ?? 0) + quantity;
    if (sum > MAX_QUANTITY) throw invalid(`items: at most ${MAX_QUANTITY} of ${productId}`);
    quantities.set(productId, sum);
  }
  if (quantities.size > MAX_LINES) throw invalid(`items: at most ${MAX_LINES} products`);
  return [...quantities]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .sort((a, b) => (a.productId < b.productId ? -1 : 1));
}

/**
 * The request in one normal form: lines merged and sorted, pointsToUse 0 left out. Two bodies under one Idempotency-Key are
 * "the same body" if their canonical JSON (`canonicalOrder`) is equal.
 * @throws StampedeError VALIDATION_FAILED
 */
export function normalOrder(body: PlaceOrder): PlaceOrder {
  if ((body.items === undefined) === (body.from === undefined)) throw invalid('body: either items or from: "cart"');
  const { pointsToUse, items, ...rest } = body;
  return {
    ...rest,
    ...(items === undefined ? {} : { items: mergeLines(items) }),
    ...(pointsToUse === undefined || pointsToUse === 0 ? {} : { pointsToUse }),
  };
}

/** The text that an order's id is derived from. @param normal the result of normalOrder */
export const canonicalOrder = (normal: PlaceOrder): string => canonicalJson(normal);

const invalid = (detail: string) => new StampedeError("VALIDATION_FAILED", detail);

import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { CreateProduct, type Product, Restock } from "../../contracts/shop/http-catalogue.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import { idempotencyKey } from "./idempotency-key.ts";

/** The operator and the idempotency key: a repeat under the same key gets the first answer and changes nothing. */
export interface OperatorCall {
  readonly actor: string;
  readonly idempotencyKey: string | null;
}

/** Both reject with StampedeError IDEMPOTENCY_KEY_REUSED, DATABASE_UNAVAILABLE. */
export interface ProductControl {
  create(asking: OperatorCall, product: CreateProduct): Promise<Product>;
  /** @throws StampedeError PRODUCT_NOT_FOUND, AMOUNT_OUT_OF_RANGE */
  restock(asking: OperatorCall, id: ProductId, quantity: number): Promise<Product>;
}

/** POST /admin/products */
export function createProductRoute(control: ProductControl, authenticate: Authenticate): Handler {
  const read = jsonBody(CreateProduct);
  return async (request) => {
    const asking = { actor: identifyOperator(request, authenticate).userId, idempotencyKey: idempotencyKey(request) };
    const product = await control.create(asking, await read(request));
    const answer = json(201, product);
    return { ...answer, headers: { ...answer.headers, location: `/products/${product.id}` } };
  };
}

/** POST /admin/products/:productId/restock adds to the stock. */
export function restockRoute(control: ProductControl, authenticate: Authenticate): Handler {
  const read = jsonBody(Restock);
  return async (request) => {
    const asking = { actor: identifyOperator(request, authenticate).userId, idempotencyKey: idempotencyKey(request) };
    const { productId } = request.params;
    const { quantity } = await read(request);
    if (!isProductId(productId!)) throw new StampedeError("PRODUCT_NOT_FOUND");
    return json(200, await control.restock(asking, productId, quantity));
  };
}

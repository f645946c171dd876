import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { CreateProduct, EditProduct, Product, Restock } from "../../contracts/shop/http-catalogue.ts";
import { type Endpoint, endpoint, type OperatorCall, operatorCall } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

/** All reject with StampedeError DATABASE_UNAVAILABLE, and those with a key with IDEMPOTENCY_KEY_REUSED. */
export interface ProductControl {
  create(asking: OperatorCall, product: CreateProduct): Promise<Product>;
  /** @throws StampedeError PRODUCT_NOT_FOUND */
  edit(id: ProductId, edit: EditProduct, actor: string): Promise<Product>;
  /** @throws StampedeError VALIDATION_FAILED (0), PRODUCT_NOT_FOUND, AMOUNT_OUT_OF_RANGE, CONFLICT */
  restock(asking: OperatorCall, id: ProductId, quantity: number): Promise<Product>;
}

const PRODUCT = {
  method: "POST",
  tag: "admin",
  audience: "operator",
  caller: "seller",
  cost: "write",
  idempotency: "key",
  cache: "no-store",
  audit: true,
} as const;

/** POST /admin/products */
export const createProduct = (control: ProductControl): Endpoint =>
  endpoint({
    ...PRODUCT,
    path: "/admin/products",
    operationId: "createProduct",
    summary: "Create a product",
    body: CreateProduct,
    answers: { 201: Product },
    refusals: ["DATABASE_UNAVAILABLE"],
    async handle(call) {
      const product = await control.create(operatorCall(call), call.body);
      const answer = json(201, product);
      return { ...answer, headers: { ...answer.headers, location: `/products/${product.id}` } };
    },
  });

/** PATCH /admin/products/:productId. Orders that were placed keep their prices. */
export const editProduct = (control: ProductControl): Endpoint =>
  endpoint({
    ...PRODUCT,
    method: "PATCH",
    path: "/admin/products/:productId",
    operationId: "editProduct",
    summary: "Change a product's name, price, or whether it is listed",
    idempotency: "natural",
    body: EditProduct,
    answers: { 200: Product },
    refusals: ["PRODUCT_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { productId } = call.params;
      if (!isProductId(productId!)) return call.refuse("PRODUCT_NOT_FOUND");
      return json(200, await control.edit(productId, call.body, call.caller.userId));
    },
  });

/** POST /admin/products/:productId/restock adds to the stock, or takes from what can still be sold. */
export const restockProduct = (control: ProductControl): Endpoint =>
  endpoint({
    ...PRODUCT,
    path: "/admin/products/:productId/restock",
    operationId: "restockProduct",
    summary: "Add stock of a product, or take away what can still be sold (a negative quantity)",
    body: Restock,
    answers: { 200: Product },
    refusals: ["PRODUCT_NOT_FOUND", "AMOUNT_OUT_OF_RANGE", "CONFLICT", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { productId } = call.params;
      if (!isProductId(productId!)) return call.refuse("PRODUCT_NOT_FOUND");
      return json(200, await control.restock(operatorCall(call), productId, call.body.quantity));
    },
  });

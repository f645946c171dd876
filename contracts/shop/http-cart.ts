import { type Static, Type } from "@sinclair/typebox";
import { ProductIdSchema } from "../orders/ids.ts";
import { Quantity } from "../orders/parts.ts";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";

/** PUT /cart/items sets the quantity of a product; it replaces the earlier quantity. */
export const SetCartLine = Type.Object(
  { productId: ProductIdSchema, quantity: Quantity },
  { $id: "SetCartLine", additionalProperties: false },
);
export type SetCartLine = Static<typeof SetCartLine>;

/** The line that DELETE /cart/items removes. */
export const CartLineRef = Type.Object(
  { productId: ProductIdSchema },
  { $id: "CartLineRef", additionalProperties: false },
);

export const CartLine = Type.Object(
  {
    productId: ProductIdSchema,
    name: Type.String(),
    quantity: Quantity,
    unitPrice: MoneySchema,
    currency: CurrencySchema,
    inStock: Type.Boolean({ description: "Whether this quantity can be sold now" }),
  },
  { $id: "CartLine" },
);
export type CartLine = Static<typeof CartLine>;

/** A cart at current prices. The prices are not guaranteed. */
export const Cart = Type.Object(
  {
    items: Type.Array(CartLine),
    totalAmount: Type.Union([MoneySchema, Type.Null()], {
      description: "null: the lines have several currencies, or the sum is beyond what an amount can be",
    }),
    currency: Type.Union([CurrencySchema, Type.Null()], { description: "null: none, or several" }),
  },
  { $id: "Cart" },
);
export type Cart = Static<typeof Cart>;

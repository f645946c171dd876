import { type Static, type TString, Type } from "@sinclair/typebox";
import { MoneySchema } from "../wire/money.ts";
import { storableText } from "../wire/text.ts";
import { ProductIdSchema } from "./ids.ts";

export const MAX_LINES = 100;
export const MAX_QUANTITY = 10_000;

export const Quantity = Type.Integer({ minimum: 1, maximum: MAX_QUANTITY });

/** A line with the price that the gateway fixed. */
export const OrderLine = Type.Object({ productId: ProductIdSchema, quantity: Quantity, unitPrice: MoneySchema });
export type OrderLine = Static<typeof OrderLine>;

/** A product and its quantity: enough to reserve it, to restore it and to count it as sold. */
export const ProductQuantity = Type.Object({ productId: ProductIdSchema, quantity: Quantity });
export type ProductQuantity = Static<typeof ProductQuantity>;

type Text = (maxLength: number) => TString;

const paymentMethod = (text: Text, $id?: string) =>
  Type.Object(
    { token: { ...text(200), examples: ["tok_ok"] } },
    { ...($id === undefined ? {} : { $id }), additionalProperties: false },
  );

const shippingAddress = (text: Text, $id?: string) => {
  const line = (maxLength: number) => Type.Optional(text(maxLength));
  return Type.Object(
    {
      country: Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1 alpha-2", examples: ["DE"] }),
      name: line(200),
      street: line(200),
      postalCode: line(20),
      city: line(100),
      region: line(100),
      phone: line(30),
    },
    { ...($id === undefined ? {} : { $id }), additionalProperties: false },
  );
};

// A text in the log is accepted even if PostgreSQL cannot store it: such an order is cancelled and its owner told,
// while a dead letter would tell nothing to the owner.
const anyText: Text = (maxLength) => Type.String({ minLength: 1, maxLength });

/** The token that the payment provider gave the client for its card; never a card number. */
export const PaymentMethod = paymentMethod(anyText);
export type PaymentMethod = Static<typeof PaymentMethod>;
export const ShippingAddress = shippingAddress(anyText);
export type ShippingAddress = Static<typeof ShippingAddress>;

/** The same, as the gateway accepts them. */
export const AskedPayment = paymentMethod(storableText, "PaymentMethod");
export const AskedShipping = shippingAddress(storableText, "ShippingAddress");

/** The amounts of an order. payable = total − discount − points; the gateway fixes them, no step calculates them again. */
export const AMOUNTS = {
  totalAmount: MoneySchema,
  discountAmount: MoneySchema,
  pointsUsed: MoneySchema,
  payableAmount: MoneySchema,
} as const;

import { type Static, Type } from "@sinclair/typebox";
import { MoneySchema } from "./money.ts";
import { ProductIdSchema } from "./order-ids.ts";

export const MAX_LINES = 100;
export const MAX_QUANTITY = 10_000;

export const Quantity = Type.Integer({ minimum: 1, maximum: MAX_QUANTITY });

/** A line as it was priced at the door. */
export const OrderLine = Type.Object({ productId: ProductIdSchema, quantity: Quantity, unitPrice: MoneySchema });
export type OrderLine = Static<typeof OrderLine>;

/** How much of what; enough to reserve it, to restore it and to count it as sold. */
export const ProductQuantity = Type.Object({ productId: ProductIdSchema, quantity: Quantity });
export type ProductQuantity = Static<typeof ProductQuantity>;

/** What the payment provider gave the client for its card; never a card number. */
export const PaymentMethod = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 200, examples: ["tok_ok"] }) },
  { $id: "PaymentMethod", additionalProperties: false },
);
export type PaymentMethod = Static<typeof PaymentMethod>;

const line = (maxLength: number) => Type.Optional(Type.String({ minLength: 1, maxLength }));

export const ShippingAddress = Type.Object(
  {
    country: Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1 alpha-2", examples: ["DE"] }),
    name: line(200),
    street: line(200),
    postalCode: line(20),
    city: line(100),
    region: line(100),
    phone: line(30),
  },
  { $id: "ShippingAddress", additionalProperties: false },
);
export type ShippingAddress = Static<typeof ShippingAddress>;

/** The amounts of an order. payable = total − discount − points; all fixed at the door, no step calculates again. */
export const AMOUNTS = {
  totalAmount: MoneySchema,
  discountAmount: MoneySchema,
  pointsUsed: MoneySchema,
  payableAmount: MoneySchema,
} as const;

import { type Static, Type } from "@sinclair/typebox";
import { OrderIdSchema } from "../orders/ids.ts";
import { Timestamp } from "../wire/date-time.ts";
import { UserIdSchema } from "../wire/ids.ts";
import { MAX_MONEY, MoneySchema } from "../wire/money.ts";
import { Page } from "../wire/page.ts";
import { storableText } from "../wire/text.ts";

/** A point is worth one minor unit. */
const Points = Type.Integer({ minimum: 1, maximum: MAX_MONEY, description: "Points" });

export const GrantPoints = Type.Object(
  { userId: UserIdSchema, amount: Points, reason: storableText(200) },
  { $id: "GrantPoints", additionalProperties: false },
);
export type GrantPoints = Static<typeof GrantPoints>;

export const PointsGranted = Type.Object(
  { id: Type.String(), userId: UserIdSchema, amount: Points, reason: Type.String(), balance: MoneySchema },
  { $id: "PointsGranted" },
);
export type PointsGranted = Static<typeof PointsGranted>;

export const PointEntry = Type.Object(
  {
    id: Type.String(),
    delta: Type.Integer({ description: "Points; below 0: taken" }),
    reason: Type.String(),
    orderId: Type.Union([OrderIdSchema, Type.Null()]),
    createdAt: Timestamp,
  },
  { $id: "PointEntry" },
);
export type PointEntry = Static<typeof PointEntry>;

export const MyPoints = Type.Object(
  {
    balance: MoneySchema,
    items: Type.Array(PointEntry),
    ...Page,
  },
  { $id: "MyPoints" },
);
export type MyPoints = Static<typeof MyPoints>;

import { type Static, Type } from "@sinclair/typebox";
import { ProductIdSchema } from "../orders/ids.ts";
import { Timestamp } from "../wire/date-time.ts";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";
import { Page } from "../wire/page.ts";
import { storableText } from "../wire/text.ts";

/** The most pieces of one product that may ever be stocked; far below the limit of PostgreSQL's integer, so no sum overflows. */
export const MAX_STOCK = 1_000_000_000;

export const Product = Type.Object(
  {
    id: ProductIdSchema,
    productId: ProductIdSchema,
    name: Type.String(),
    stock: Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: "What can still be sold" }),
    price: MoneySchema,
    currency: CurrencySchema,
    flash: Type.Boolean({ description: "Orders are admitted by Redis before they are taken" }),
    listed: Type.Boolean({
      description: "Whether it is in `GET /products` and the ranking; by its id it can always be read and ordered",
    }),
    createdAt: Timestamp,
  },
  { $id: "Product" },
);
export type Product = Static<typeof Product>;

export const ProductList = Type.Object({ items: Type.Array(Product), ...Page }, { $id: "ProductList" });

export const CreateProduct = Type.Object(
  {
    name: storableText(200),
    stock: Type.Integer({ minimum: 0, maximum: MAX_STOCK }),
    price: MoneySchema,
    currency: Type.Optional(CurrencySchema),
    flash: Type.Optional(Type.Boolean({ default: false })),
    listed: Type.Optional(Type.Boolean({ default: true })),
  },
  { $id: "CreateProduct", additionalProperties: false },
);
export type CreateProduct = Static<typeof CreateProduct>;

/** What an operator changes of a product. A member that is left out stays as it is. Stock changes by `Restock` alone. */
export const EditProduct = Type.Object(
  {
    name: Type.Optional(storableText(200)),
    price: Type.Optional(MoneySchema),
    listed: Type.Optional(Type.Boolean()),
  },
  { $id: "EditProduct", additionalProperties: false, minProperties: 1 },
);
export type EditProduct = Static<typeof EditProduct>;

export const Restock = Type.Object(
  {
    quantity: Type.Integer({
      minimum: -MAX_STOCK,
      maximum: MAX_STOCK,
      description: "Pieces that came in, or a negative number of pieces that went away unsold; not 0",
    }),
  },
  { $id: "Restock", additionalProperties: false },
);

/** daily: today, UTC. weekly: today and the six days before. all: ever. */
export const RANKING_PERIODS = ["daily", "weekly", "all"] as const;
export type RankingPeriod = (typeof RANKING_PERIODS)[number];

/** How many places a ranking has. */
export const MAX_RANKS = 100;

export const RankingQuery = Type.Object({
  period: Type.Union(
    RANKING_PERIODS.map((period) => Type.Literal(period)),
    { default: "daily", description: "`daily` (today, UTC), `weekly` (the last seven days) or `all`" },
  ),
  limit: Type.Integer({ minimum: 1, maximum: MAX_RANKS, default: 10 }),
});

export const RankedProduct = Type.Object(
  {
    rank: Type.Integer({ minimum: 1 }),
    productId: ProductIdSchema,
    name: Type.String(),
    price: MoneySchema,
    currency: CurrencySchema,
    sold: Type.Integer({ minimum: 1, description: "Pieces of completed orders" }),
  },
  { $id: "RankedProduct" },
);
export type RankedProduct = Static<typeof RankedProduct>;

export const Ranking = Type.Object(
  {
    period: Type.Unsafe<RankingPeriod>(Type.String({ enum: [...RANKING_PERIODS] })),
    items: Type.Array(RankedProduct),
    countedAt: Type.Unsafe<string>({ ...Timestamp, description: "When the sales were counted" }),
  },
  { $id: "Ranking" },
);
export type Ranking = Static<typeof Ranking>;

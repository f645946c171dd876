ALTER TABLE "coupons" ADD COLUMN "currency" text DEFAULT 'EUR' NOT NULL;--> statement-breakpoint
ALTER TABLE "order_items" ADD COLUMN "from_cart" boolean;--> statement-breakpoint
ALTER TABLE "coupons" ADD CONSTRAINT "coupons_currency" CHECK ("coupons"."currency" ~ '^[A-Z]{3}$');--> statement-breakpoint
-- A shop that sells in one currency has meant it with its coupons as well.
UPDATE "coupons" c SET "currency" = p.currency
FROM (SELECT min(currency) AS currency FROM "products" HAVING count(DISTINCT currency) = 1) p
WHERE c."currency" <> p.currency;

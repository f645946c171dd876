ALTER TABLE "coupons" ADD COLUMN "left_redis_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "coupons" ADD COLUMN "issued" integer;--> statement-breakpoint
ALTER TABLE "coupons" ADD COLUMN "currency" text DEFAULT 'EUR' NOT NULL;--> statement-breakpoint
-- Validated later (0019), without holding writers up.
ALTER TABLE "coupons" ADD CONSTRAINT "coupons_currency" CHECK ("coupons"."currency" ~ '^[A-Z]{3}$') NOT VALID;--> statement-breakpoint
-- A shop that sells in one currency has meant it with its coupons as well. Under the lock that the columns needed: row locks
-- taken beside other writers of coupons could end in a deadlock.
UPDATE "coupons" c SET "currency" = p.currency
FROM (SELECT min(currency) AS currency FROM "products" HAVING count(DISTINCT currency) = 1) p
WHERE c."currency" <> p.currency;

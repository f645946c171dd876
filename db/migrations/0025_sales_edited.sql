ALTER TABLE "coupons" ADD COLUMN "visibility" text DEFAULT 'LISTED' NOT NULL;--> statement-breakpoint
ALTER TABLE "coupons" ADD COLUMN "metadata" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
-- Validated later (0028), without holding writers up.
ALTER TABLE "coupons" ADD CONSTRAINT "coupons_visibility" CHECK ("coupons"."visibility" IN ('LISTED', 'UNLISTED')) NOT VALID;

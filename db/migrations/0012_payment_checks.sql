ALTER TABLE "payments" ADD COLUMN "refunded_elsewhere" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "captured_currency" text;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "check_wanted" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- Validated later (0019), without holding writers up.
ALTER TABLE "payments" ADD CONSTRAINT "payments_refunded_elsewhere" CHECK ("payments"."refunded_elsewhere" >= 0) NOT VALID;

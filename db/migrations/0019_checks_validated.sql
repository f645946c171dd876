-- A scan each, beside readers and writers.
ALTER TABLE "payments" VALIDATE CONSTRAINT "payments_refunded_elsewhere";--> statement-breakpoint
ALTER TABLE "coupons" VALIDATE CONSTRAINT "coupons_currency";

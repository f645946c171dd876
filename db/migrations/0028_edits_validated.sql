-- A scan each, beside readers and writers.
ALTER TABLE "coupons" VALIDATE CONSTRAINT "coupons_visibility";--> statement-breakpoint
ALTER TABLE "stock_movements" VALIDATE CONSTRAINT "stock_movements_kind";--> statement-breakpoint
ALTER TABLE "stock_movements" VALIDATE CONSTRAINT "stock_movements_quantity";

DROP INDEX "payments_due";--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "refunded_elsewhere" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "captured_currency" text;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "check_wanted" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "payments_due" ON "payments" USING btree ("next_attempt_at") WHERE "payments"."status" = 'INTENT' OR ("payments"."status" = 'CAPTURED' AND "payments"."return_wanted") OR "payments"."check_wanted";--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_refunded_elsewhere" CHECK ("payments"."refunded_elsewhere" >= 0);
-- What earlier releases write meets the new checks: INITIAL and RESTOCK are never negative. Validated later (0028).
ALTER TABLE "stock_movements" DROP CONSTRAINT "stock_movements_kind";--> statement-breakpoint
ALTER TABLE "stock_movements" DROP CONSTRAINT "stock_movements_quantity";--> statement-breakpoint
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_kind" CHECK ("stock_movements"."kind" IN ('INITIAL', 'RESTOCK', 'REDUCTION')) NOT VALID;--> statement-breakpoint
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_quantity" CHECK (("stock_movements"."kind" = 'REDUCTION') = ("stock_movements"."quantity" < 0)) NOT VALID;--> statement-breakpoint
COMMENT ON TABLE "stock_movements" IS 'What ever came in, and what went away unsold: stock + RESERVED + CONFIRMED reservations of a product = the sum of its movements';

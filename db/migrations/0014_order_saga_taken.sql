ALTER TABLE "orders" ADD COLUMN "saga_taken_at" timestamp (3) with time zone;

-- On a database that has rows these exist by now: db/migrate.ts builds them before this migration, concurrently. Not by
-- CREATE INDEX IF NOT EXISTS, which locks the table against writers even if the index exists.
DO $$
BEGIN
  IF to_regclass('coupons_in_redis') IS NULL THEN
    CREATE INDEX "coupons_in_redis" ON "coupons" USING btree ("ends_at") WHERE "left_redis_at" IS NULL;
  END IF;
  IF to_regclass('refused_requests_by_age') IS NULL THEN
    CREATE INDEX "refused_requests_by_age" ON "refused_requests" USING btree ("refused_at");
  END IF;
  IF to_regclass('request_aliases_by_age') IS NULL THEN
    CREATE INDEX "request_aliases_by_age" ON "request_aliases" USING btree ("created_at");
  END IF;
  IF to_regclass('operator_requests_by_age') IS NULL THEN
    CREATE INDEX "operator_requests_by_age" ON "operator_requests" USING btree ("at");
  END IF;
  IF to_regclass('dead_letters_by_age') IS NULL THEN
    CREATE INDEX "dead_letters_by_age" ON "dead_letters" USING btree ("updated_at");
  END IF;
  IF to_regclass('payments_with_token') IS NULL THEN
    CREATE INDEX "payments_with_token" ON "payments" USING btree ("created_at") WHERE "token" <> '';
  END IF;
  IF to_regclass('payments_with_work') IS NULL THEN
    CREATE INDEX "payments_with_work" ON "payments" USING btree ("next_attempt_at")
    WHERE "status" = 'INTENT' OR ("status" = 'CAPTURED' AND "return_wanted") OR "check_wanted";
  END IF;
  IF to_regclass('order_sagas_by_age') IS NULL THEN
    CREATE INDEX "order_sagas_by_age" ON "order_sagas" USING btree ("created_at");
  END IF;
END $$;

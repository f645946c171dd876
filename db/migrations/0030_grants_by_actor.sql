-- On a database that has rows it exists by now: db/migrate.ts builds it before this migration, concurrently.
DO $$
BEGIN
  IF to_regclass('point_ledger_grants') IS NULL THEN
    CREATE INDEX "point_ledger_grants" ON "point_ledger" USING btree ("actor","created_at") WHERE "order_id" IS NULL;
  END IF;
END $$;

ALTER TABLE "coupons" ADD COLUMN "left_redis_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "coupons" ADD COLUMN "issued" integer;--> statement-breakpoint
CREATE INDEX "coupons_in_redis" ON "coupons" USING btree ("ends_at") WHERE "coupons"."left_redis_at" IS NULL;--> statement-breakpoint
-- On a running stack these five exist by now: db/migrate.ts builds them beforehand, without holding anybody up.
CREATE INDEX IF NOT EXISTS "refused_requests_by_age" ON "refused_requests" USING btree ("refused_at");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "request_aliases_by_age" ON "request_aliases" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "operator_requests_by_age" ON "operator_requests" USING btree ("at");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "payments_with_token" ON "payments" USING btree ("created_at") WHERE "payments"."token" <> '';--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "order_sagas_by_age" ON "order_sagas" USING btree ("created_at");--> statement-breakpoint
-- By hand from here on: audit_log and events become partitioned by month. The table that was there becomes the first
-- partition, up to the end of this month, so no row is copied; a row from the future goes to the default partition.
ALTER TABLE "audit_log" RENAME TO "audit_log_before";--> statement-breakpoint
ALTER TABLE "audit_log_before" DROP CONSTRAINT "audit_log_pkey";--> statement-breakpoint
ALTER INDEX "audit_log_by_target" RENAME TO "audit_log_before_by_target";--> statement-breakpoint
CREATE TABLE "audit_log" (LIKE "audit_log_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("at");--> statement-breakpoint
ALTER TABLE "audit_log_before" ALTER COLUMN "id" DROP IDENTITY;--> statement-breakpoint
ALTER TABLE "audit_log" ALTER COLUMN "id" ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "audit_log_id_seq");--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_pkey" PRIMARY KEY ("id", "at");--> statement-breakpoint
CREATE INDEX "audit_log_by_target" ON "audit_log" USING btree ("target", "at");--> statement-breakpoint
CREATE TABLE "audit_log_other" PARTITION OF "audit_log" DEFAULT;--> statement-breakpoint
ALTER TABLE "events" RENAME TO "events_before";--> statement-breakpoint
ALTER TABLE "events_before" DROP CONSTRAINT "events_pkey";--> statement-breakpoint
DROP INDEX "events_position";--> statement-breakpoint
ALTER INDEX "events_by_stream" RENAME TO "events_before_by_stream";--> statement-breakpoint
CREATE TABLE "events" (LIKE "events_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("occurred_at");--> statement-breakpoint
ALTER TABLE "events_before" ALTER COLUMN "position" DROP IDENTITY;--> statement-breakpoint
ALTER TABLE "events" ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "events_position_seq");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_pkey" PRIMARY KEY ("event_id", "occurred_at");--> statement-breakpoint
CREATE INDEX "events_position" ON "events" USING btree ("position");--> statement-breakpoint
CREATE INDEX "events_by_stream" ON "events" USING btree ("aggregate_id", "stream", "sequence");--> statement-breakpoint
CREATE TABLE "events_other" PARTITION OF "events" DEFAULT;--> statement-breakpoint
DO $$
DECLARE
  next_month timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
  known record;
BEGIN
  -- Whoever was let at the table is let at the new one.
  FOR known IN
    SELECT regexp_replace(c.relname, '_before$', '') AS name, a.privilege_type AS privilege,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE c.oid IN ('audit_log_before'::regclass, 'events_before'::regclass) AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT %s ON %I TO %s', known.privilege, known.name, known.grantee);
  END LOOP;
  WITH late AS (DELETE FROM audit_log_before WHERE at >= next_month RETURNING *)
    INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM late;
  WITH late AS (DELETE FROM events_before WHERE occurred_at >= next_month RETURNING *)
    INSERT INTO events OVERRIDING SYSTEM VALUE SELECT * FROM late;
  EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION audit_log_before FOR VALUES FROM (MINVALUE) TO (%L)', next_month);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (MINVALUE) TO (%L)', next_month);
  PERFORM setval('audit_log_id_seq', coalesce((SELECT max(id) FROM audit_log), 0) + 1, false);
  PERFORM setval('events_position_seq', coalesce((SELECT max("position") FROM events), 0) + 1, false);
END $$;

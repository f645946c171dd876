-- Nothing here reads the table. db/migrate.ts has built the indexes concurrently; a database without rows builds them here.
-- The first statement that locks anything locks events, and nothing else that other transactions use is locked after it.
DO $$
BEGIN
  IF to_regclass('events_before_key') IS NULL THEN
    CREATE UNIQUE INDEX "events_before_key" ON "events" USING btree ("event_id", "occurred_at");
  END IF;
  IF to_regclass('events_before_position') IS NULL THEN
    CREATE INDEX "events_before_position" ON "events" USING btree ("position");
  END IF;
END $$;--> statement-breakpoint
ALTER TABLE "events" RENAME TO "events_before";--> statement-breakpoint
ALTER TABLE "events_before" DROP CONSTRAINT "events_pkey";--> statement-breakpoint
ALTER TABLE "events_before" ADD CONSTRAINT "events_before_pkey" PRIMARY KEY USING INDEX "events_before_key";--> statement-breakpoint
DROP INDEX "events_position";--> statement-breakpoint
ALTER INDEX "events_by_stream" RENAME TO "events_before_by_stream";--> statement-breakpoint
CREATE TABLE "events" (LIKE "events_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("occurred_at");--> statement-breakpoint
ALTER TABLE "events_before" ALTER COLUMN "position" DROP IDENTITY;--> statement-breakpoint
ALTER TABLE "events" ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "events_position_seq");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_pkey" PRIMARY KEY ("event_id", "occurred_at");--> statement-breakpoint
CREATE INDEX "events_position" ON "events" USING btree ("position");--> statement-breakpoint
CREATE INDEX "events_by_stream" ON "events" USING btree ("aggregate_id", "stream", "sequence");--> statement-breakpoint
DO $$
DECLARE
  known record;
  bound timestamptz := (SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''')::timestamptz
                        FROM pg_constraint WHERE conname = 'events_before_bound');
BEGIN
  -- Every role that has rights on the table gets the same on the new one.
  FOR known IN
    SELECT a.privilege_type AS privilege, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE c.oid = 'events_before'::regclass AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT %s ON events TO %s', known.privilege, known.grantee);
  END LOOP;
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
  ALTER TABLE events ATTACH PARTITION events_other DEFAULT;
  ALTER TABLE events_before DROP CONSTRAINT events_before_bound;
  PERFORM setval('events_position_seq', coalesce((SELECT max("position") FROM events), 0) + 1, false);
END $$;

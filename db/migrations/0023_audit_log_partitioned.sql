-- Nothing here reads the table. db/migrate.ts has built the indexes concurrently; a database without rows builds them here.
-- The first statement that locks anything locks audit_log, and nothing else that other transactions use is locked after it.
DO $$
BEGIN
  IF to_regclass('audit_log_before_key') IS NULL THEN
    CREATE UNIQUE INDEX "audit_log_before_key" ON "audit_log" USING btree ("id", "at");
  END IF;
END $$;--> statement-breakpoint
ALTER TABLE "audit_log" RENAME TO "audit_log_before";--> statement-breakpoint
ALTER TABLE "audit_log_before" DROP CONSTRAINT "audit_log_pkey";--> statement-breakpoint
ALTER TABLE "audit_log_before" ADD CONSTRAINT "audit_log_before_pkey" PRIMARY KEY USING INDEX "audit_log_before_key";--> statement-breakpoint
ALTER INDEX "audit_log_by_target" RENAME TO "audit_log_before_by_target";--> statement-breakpoint
CREATE TABLE "audit_log" (LIKE "audit_log_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("at");--> statement-breakpoint
ALTER TABLE "audit_log_before" ALTER COLUMN "id" DROP IDENTITY;--> statement-breakpoint
ALTER TABLE "audit_log" ALTER COLUMN "id" ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "audit_log_id_seq");--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_pkey" PRIMARY KEY ("id", "at");--> statement-breakpoint
CREATE INDEX "audit_log_by_target" ON "audit_log" USING btree ("target", "at");--> statement-breakpoint
DO $$
DECLARE
  known record;
  bound timestamptz := (SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''')::timestamptz
                        FROM pg_constraint WHERE conname = 'audit_log_before_bound');
BEGIN
  -- Every role that has rights on the table gets the same on the new one.
  FOR known IN
    SELECT a.privilege_type AS privilege, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE c.oid = 'audit_log_before'::regclass AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT %s ON audit_log TO %s', known.privilege, known.grantee);
  END LOOP;
  EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION audit_log_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
  ALTER TABLE audit_log ATTACH PARTITION audit_log_other DEFAULT;
  ALTER TABLE audit_log_before DROP CONSTRAINT audit_log_before_bound;
  PERFORM setval('audit_log_id_seq', coalesce((SELECT max(id) FROM audit_log), 0) + 1, false);
END $$;

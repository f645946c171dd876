-- Rows from beyond the bound wait in what becomes the default partition. Two scans of each table, beside readers and writers.
DO $$
DECLARE
  bound timestamptz := (SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''')::timestamptz
                        FROM pg_constraint WHERE conname = 'audit_log_before_bound');
BEGIN
  WITH late AS (DELETE FROM audit_log WHERE at >= bound RETURNING *) INSERT INTO audit_log_other SELECT * FROM late;
END $$;--> statement-breakpoint
ALTER TABLE "audit_log" VALIDATE CONSTRAINT "audit_log_before_bound";--> statement-breakpoint
DO $$
DECLARE
  bound timestamptz := (SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''')::timestamptz
                        FROM pg_constraint WHERE conname = 'events_before_bound');
BEGIN
  WITH late AS (DELETE FROM events WHERE occurred_at >= bound RETURNING *) INSERT INTO events_other SELECT * FROM late;
END $$;--> statement-breakpoint
ALTER TABLE "events" VALIDATE CONSTRAINT "events_before_bound";

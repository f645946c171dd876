-- As 0020 for audit_log.
DO $$
DECLARE
  bound timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC';
BEGIN
  EXECUTE format('ALTER TABLE events ADD CONSTRAINT events_before_bound CHECK (occurred_at < %L) NOT VALID', bound);
END $$;--> statement-breakpoint
CREATE TABLE "events_other" (LIKE "events" INCLUDING DEFAULTS);

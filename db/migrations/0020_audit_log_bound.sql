-- By hand, from here to 0024: audit_log and events become partitioned by month. The table that is there becomes the first
-- partition, so that no row is copied. With a validated CHECK it is attached without a scan. It holds everything up to the
-- end of next month, so that no insert meets the bound between this migration and 0024.
DO $$
DECLARE
  bound timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC';
BEGIN
  EXECUTE format('ALTER TABLE audit_log ADD CONSTRAINT audit_log_before_bound CHECK (at < %L) NOT VALID', bound);
END $$;--> statement-breakpoint
CREATE TABLE "audit_log_other" (LIKE "audit_log" INCLUDING DEFAULTS);

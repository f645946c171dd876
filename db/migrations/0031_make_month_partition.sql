-- The consumers make the partitions of the months to come and own no table. This function does it with the rights of its owner, and
-- does nothing else: one of two tables, one month, at most two years ahead. db/partitions.ts calls it.
CREATE FUNCTION make_month_partition(parent text, month timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  age text := CASE parent WHEN 'audit_log' THEN 'at' WHEN 'events' THEN 'occurred_at' END;
  name text := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
BEGIN
  IF age IS NULL THEN RAISE EXCEPTION 'table % has no months', parent USING ERRCODE = 'invalid_parameter_value'; END IF;
  IF month <> date_trunc('month', month) OR month > now() + interval '2 years' OR month < now() - interval '1 month' THEN
    RAISE EXCEPTION '% is not the beginning of a month to come', month USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', name, parent);
  EXECUTE format(
    'WITH moved AS (DELETE FROM %1$I WHERE %2$I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %3$I SELECT * FROM moved',
    parent || '_other', age, name) USING month, month + interval '1 month';
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, month, month + interval '1 month');
  RETURN name;
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION make_month_partition(text, timestamptz) FROM PUBLIC;

-- slot <= total is a rule between two tables, so no CHECK can hold it. Once per statement over the new rows costs one
-- join a batch (a row trigger costs a call and a lookup per claim). Whoever inserts past the application (a script, a
-- restored dump, a Redis that lies about its counter) is refused here: no oversell.
CREATE FUNCTION user_coupons_slots_within_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM changed LEFT JOIN coupons ON coupons.id = changed.coupon_id
    WHERE changed.slot IS NOT NULL AND (coupons.id IS NULL OR changed.slot > coupons.total)
  ) THEN
    RAISE EXCEPTION 'a slot lies outside the total of its coupon, or the coupon does not exist'
      USING ERRCODE = 'check_violation', TABLE = 'user_coupons', CONSTRAINT = 'user_coupons_slot_within_total';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER user_coupons_slots_inserted AFTER INSERT ON user_coupons
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION user_coupons_slots_within_total();
--> statement-breakpoint
CREATE TRIGGER user_coupons_slots_updated AFTER UPDATE ON user_coupons
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION user_coupons_slots_within_total();
--> statement-breakpoint
-- The same rule from the other side: a sale cannot shrink below a slot that somebody holds.
CREATE FUNCTION coupons_total_covers_slots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM user_coupons WHERE coupon_id = NEW.id AND status <> 'REVOKED' AND slot > NEW.total) THEN
    RAISE EXCEPTION 'coupon % has a holder beyond slot %', NEW.id, NEW.total
      USING ERRCODE = 'check_violation', TABLE = 'coupons', CONSTRAINT = 'coupons_total_covers_slots';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER coupons_total_shrunk BEFORE UPDATE OF total ON coupons
  FOR EACH ROW WHEN (NEW.total < OLD.total) EXECUTE FUNCTION coupons_total_covers_slots();
--> statement-breakpoint
COMMENT ON TABLE user_coupons IS 'Claims that are persisted (ACTIVE, USED) or were given up (REVOKED: a tombstone without a slot)';
--> statement-breakpoint
COMMENT ON COLUMN user_coupons.slot IS '1..total of the coupon; NULL exactly for REVOKED';
--> statement-breakpoint
COMMENT ON COLUMN user_coupons.epoch IS 'The sale''s epoch when the slot was decided';
--> statement-breakpoint
COMMENT ON COLUMN user_coupons.reason IS 'Result code of a REVOKED claim';
--> statement-breakpoint
COMMENT ON COLUMN coupons.state IS 'What the operator wants; whether it sells now also depends on starts_at, ends_at and load_state';
--> statement-breakpoint
COMMENT ON COLUMN coupons.load_state IS 'NEW: never loaded, no claim was ever granted. RECOVERING: fenced. LOADING: nothing may be inserted. LOADED: Redis decides';
--> statement-breakpoint
COMMENT ON COLUMN coupons.epoch IS 'Rises at every rebuild in Redis; a claim of an older epoch is decided again';
--> statement-breakpoint
COMMENT ON COLUMN coupons.discount_value IS 'Minor units for FIXED, whole percent for PERCENT';
--> statement-breakpoint
COMMENT ON COLUMN dead_letters."offset" IS 'Of the original record, not of its copy in the dead-letter topic';

-- The first stock of a product is a movement like every restock: stock + RESERVED + CONFIRMED = sum of the movements can
-- then be proven from rows, also for products that came by a script or an import. Once per statement: a seed of a thousand
-- products is one call.
CREATE FUNCTION products_first_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stock_movements (product_id, kind, quantity, at)
  SELECT id, 'INITIAL', stock + reserved, created_at FROM added;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER products_added AFTER INSERT ON products
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION products_first_movement();
--> statement-breakpoint
-- Rows that change several times in their life keep room for the next versions on their page (HOT updates: no index is touched).
ALTER TABLE products SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE point_balances SET (fillfactor = 80);
--> statement-breakpoint
ALTER TABLE orders SET (fillfactor = 70);
--> statement-breakpoint
ALTER TABLE order_sagas SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE stock_reservations SET (fillfactor = 70);
--> statement-breakpoint
ALTER TABLE payments SET (fillfactor = 70);
--> statement-breakpoint
COMMENT ON COLUMN products.stock IS 'What can still be sold; a reservation takes it out';
--> statement-breakpoint
COMMENT ON COLUMN products.reserved IS 'Taken out by reservations that are RESERVED or CONFIRMED';
--> statement-breakpoint
COMMENT ON TABLE stock_movements IS 'What ever came in: stock + RESERVED + CONFIRMED reservations of a product = the sum of its movements';
--> statement-breakpoint
COMMENT ON TABLE point_ledger IS 'Every change of a balance; a balance is the sum of its rows';
--> statement-breakpoint
COMMENT ON TABLE step_outcomes IS 'One row arbitrates a step of an order: it is written once, with the effect, and repeated for ever';
--> statement-breakpoint
COMMENT ON COLUMN step_outcomes.restored_at IS 'When the effect of a COMPLETED step was taken back';
--> statement-breakpoint
COMMENT ON COLUMN payments.return_wanted IS 'No capture may stay: refund it, or void what is not captured';
--> statement-breakpoint
COMMENT ON COLUMN order_sagas.due_at IS 'When the sweeper looks at it next; NULL once settled';
--> statement-breakpoint
COMMENT ON COLUMN events.written_by IS 'The inserting transaction: readers with a checkpoint stay below pg_snapshot_xmin(pg_current_snapshot())';

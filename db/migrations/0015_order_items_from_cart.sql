ALTER TABLE "order_items" ADD COLUMN "from_cart" boolean;

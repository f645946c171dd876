ALTER TABLE "products" ADD COLUMN "listed" boolean DEFAULT true NOT NULL;

import { defineConfig } from "drizzle-kit";

/** For `drizzle-kit generate` only; applying is db/migrate.ts, which waits its turn under a lock. */
export default defineConfig({ dialect: "postgresql", schema: "./db/schema.ts", out: "./db/migrations" });

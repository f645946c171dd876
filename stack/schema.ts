import { ensureDatabase } from "./database.ts";
import type { StackContext } from "./service.ts";

/** Creates the database and brings it to the newest schema. Does nothing the second time. @returns the outcome, for people */
export async function migrateDatabase(context: Pick<StackContext, "env">): Promise<string> {
  await ensureDatabase(context.env.DATABASE_URL);
  const { migrate } = await import("../db/migrate.ts");
  await migrate(context.env.DATABASE_URL);
  return "schema is current";
}

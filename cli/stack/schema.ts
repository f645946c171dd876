import { ensureDatabase } from "./database.ts";
import type { StackContext } from "./service.ts";

/** Creates the database and brings it to the newest schema. Does nothing the second time. */
export async function migrateDatabase(context: Pick<StackContext, "env">): Promise<void> {
  await ensureDatabase(context.env.DATABASE_URL);
  const { migrate } = await import("../../db/migrate.ts");
  await migrate(context.env.DATABASE_URL);
}

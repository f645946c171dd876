import { type DatabaseUser, ROLE_OF, type RolePasswords } from "../db/roles.ts";
import { ensureDatabase, loginUrl } from "./database.ts";
import type { Passwords } from "./secrets.ts";
import type { StackContext } from "./service.ts";

/** The passwords of the roles that gateway and consumers log in with. */
export const rolePasswords = (passwords: Passwords): RolePasswords => ({
  gateway: passwords.POSTGRES_GATEWAY_PASSWORD,
  consumers: passwords.POSTGRES_CONSUMERS_PASSWORD,
});

/** The database's address for a program: in the stack's database with a role that has few rights, else as the environment says. */
export function databaseUrlOf(
  user: DatabaseUser,
  { env, passwords, isOwnDatabase }: Pick<StackContext, "env" | "passwords" | "isOwnDatabase">,
): string {
  return isOwnDatabase ? loginUrl(env.DATABASE_URL, ROLE_OF[user], rolePasswords(passwords)[user]) : env.DATABASE_URL;
}

/**
 * Creates the database and brings it to the newest schema; in the stack's database also the roles of gateway and consumers.
 * Does nothing the second time. @returns the outcome, for people
 */
export async function migrateDatabase({
  env,
  passwords,
  isOwnDatabase,
}: Pick<StackContext, "env" | "passwords" | "isOwnDatabase">): Promise<string> {
  await ensureDatabase(env.DATABASE_URL);
  const { migrate } = await import("../db/migrate.ts");
  await migrate(env.DATABASE_URL);
  if (!isOwnDatabase) return "schema is current";
  const { makeRoles } = await import("../db/roles.ts");
  await makeRoles(env.DATABASE_URL, rolePasswords(passwords));
  return "schema is current, gateway and consumers have roles of few rights";
}

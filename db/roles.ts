import type postgres from "postgres";
import { openPostgres } from "./connect.ts";

/** Programs that log in to the database. Migrations are the owner's. */
export const DATABASE_USERS = ["gateway", "consumers"] as const;
export type DatabaseUser = (typeof DATABASE_USERS)[number];

/** How each program is named in a database that the stack made. */
export const ROLE_OF: Readonly<Record<DatabaseUser, string>> = {
  gateway: "stampede_gateway",
  consumers: "stampede_consumers",
};

type Write = "INSERT" | "UPDATE" | "DELETE";

const ADD = ["INSERT"] as const;
/** Also what only locks rows: FOR SHARE and FOR UPDATE need the right to update. */
const CHANGE = ["UPDATE"] as const;
const ADD_AND_CHANGE = ["INSERT", "UPDATE"] as const;
const REMOVE = ["UPDATE", "DELETE"] as const;
const ALL = ["INSERT", "UPDATE", "DELETE"] as const;

/**
 * What each program writes; both may read all tables. Nobody but the owner changes or deletes a line of the audit log or of the
 * event store (into which no program writes yet).
 */
export const WRITES: Readonly<Record<DatabaseUser, Readonly<Record<string, readonly Write[]>>>> = {
  gateway: {
    audit_log: ADD,
    blocks: ALL,
    cart_items: ALL,
    carts: ADD_AND_CHANGE,
    coupons: ADD_AND_CHANGE,
    dead_letters: CHANGE,
    operator_requests: ADD_AND_CHANGE,
    point_balances: ADD_AND_CHANGE,
    point_ledger: ADD,
    products: ADD_AND_CHANGE,
    request_aliases: ADD,
    revocations: ADD,
    settings: ADD_AND_CHANGE,
    stock_movements: ADD,
    user_coupons: ADD_AND_CHANGE,
  },
  consumers: {
    audit_log: ADD,
    cart_items: ALL,
    carts: ADD_AND_CHANGE,
    coupons: CHANGE,
    dead_letters: ALL,
    deferred_claims: ALL,
    delayed_commands: ALL,
    operator_requests: REMOVE,
    order_items: ADD_AND_CHANGE,
    order_sagas: ALL,
    orders: ADD_AND_CHANGE,
    payments: ADD_AND_CHANGE,
    point_balances: CHANGE,
    point_ledger: ADD,
    product_sales: ADD_AND_CHANGE,
    products: CHANGE,
    refused_requests: ALL,
    request_aliases: ALL,
    revocations: CHANGE,
    shipments: ADD_AND_CHANGE,
    step_outcomes: ADD_AND_CHANGE,
    stock_movements: ADD,
    stock_reservations: ADD_AND_CHANGE,
    user_coupons: ADD_AND_CHANGE,
  },
};

/** The consumers make the partitions of the months to come by this function, which runs with the rights of its owner. */
const MAKE_MONTH = "make_month_partition(text, timestamptz)";

/** Passwords of roles that the stack makes. */
export type RolePasswords = Readonly<Record<DatabaseUser, string>>;

const DUPLICATE_OBJECT = "42710";

/** Creates the roles of the stack, or gives existing ones these passwords. @param sql of a superuser, or of one with CREATEROLE */
async function createRoles(sql: postgres.Sql, passwords: RolePasswords): Promise<void> {
  for (const user of DATABASE_USERS) {
    const role = ROLE_OF[user];
    // DDL takes no parameters.
    const [quoted] = await sql<{ password: string }[]>`SELECT quote_literal(${passwords[user]}) AS password`;
    await sql.unsafe(`CREATE ROLE ${role}`).catch((error) => {
      if (error.code !== DUPLICATE_OBJECT) throw error;
    });
    await sql.unsafe(`ALTER ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${quoted!.password}`);
  }
}

/**
 * Gives existing roles exactly what gateway and consumers need in this database, and takes what else they had. May be repeated, and
 * must be after a migration that adds a table. @param sql of the owner of the tables
 */
export async function grantRoles(sql: postgres.Sql, roles: Readonly<Record<DatabaseUser, string>>): Promise<void> {
  await sql.begin(async (tx) => {
    for (const user of DATABASE_USERS) {
      const role = tx(roles[user]);
      await tx`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`;
      await tx`GRANT USAGE ON SCHEMA public TO ${role}`;
      await tx`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`;
      for (const [table, writes] of Object.entries(WRITES[user])) {
        await tx`GRANT ${tx.unsafe(writes.join())} ON ${tx(table)} TO ${role}`;
      }
    }
    await tx`GRANT EXECUTE ON FUNCTION ${tx.unsafe(MAKE_MONTH)} TO ${tx(roles.consumers)}`;
  });
}

/** Creates the roles of a database that the stack made, with their rights. Does little the second time. @param url of its owner */
export async function makeRoles(url: string, passwords: RolePasswords): Promise<void> {
  const sql = openPostgres(url, { max: 1, connect_timeout: 10, onnotice: () => {}, fetch_types: false });
  try {
    await createRoles(sql, passwords);
    await grantRoles(sql, ROLE_OF);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

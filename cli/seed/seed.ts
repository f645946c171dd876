import { createDatabase, type Sql } from "../../db/client.ts";
import { insertAudit } from "../../db/settings/audit.ts";
import { seedPoints } from "../../db/shop/points.ts";
import { seedProducts } from "../../db/shop/products.ts";
import { cliActor } from "../token/operator-name.ts";
import { portions, seedBalance, seedProduct } from "./plan.ts";

/** Rows a statement: large enough that the round trip does not count, small enough that the bar moves. */
const PORTION = 2_000;

export interface SeedWish {
  readonly products: number;
  readonly users: number;
}

export interface Seeded {
  /** Added by this run; the others were there. */
  readonly products: number;
  readonly users: number;
}

/** Told how far a part is. */
export type SeedProgress = (part: keyof SeedWish, done: number) => void;

/**
 * Adds products and points that are not there. Every statement stands for itself: an interrupted seed goes on where it
 * stopped when it is started again.
 */
export async function seed(
  databaseUrl: string,
  wish: SeedWish,
  signal: AbortSignal,
  tell: SeedProgress,
): Promise<Seeded> {
  const database = createDatabase(databaseUrl, { max: 1, name: "seed", statementTimeoutMs: 0 });
  const { sql } = database;
  try {
    const products = await inPortions(wish.products, signal, tell, "products", (numbers) =>
      seedProducts(sql, numbers.map(seedProduct)),
    );
    const users = await inPortions(wish.users, signal, tell, "users", (numbers) =>
      seedPoints(sql, numbers.map(seedBalance)),
    );
    const added = { products, users };
    if (products + users > 0) await audit(sql, added);
    return added;
  } finally {
    await database.close();
  }
}

async function inPortions(
  total: number,
  signal: AbortSignal,
  tell: SeedProgress,
  part: keyof SeedWish,
  add: (numbers: readonly number[]) => Promise<number>,
): Promise<number> {
  let added = 0;
  for (const numbers of portions(total, PORTION)) {
    signal.throwIfAborted();
    added += await add(numbers);
    tell(part, numbers.at(-1)!);
  }
  return added;
}

const audit = (sql: Sql, added: Seeded) =>
  insertAudit(sql, { actor: cliActor(), action: "catalogue.seeded", target: "catalogue", detail: { ...added } });

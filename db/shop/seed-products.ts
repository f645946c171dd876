import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface SeedProduct {
  readonly id: string;
  readonly name: string;
  readonly stock: number;
  readonly price: number;
  readonly flash: boolean;
}

/** Adds those products that are not there; what is there stays as it is. @returns how many were added */
export async function seedProducts(sql: Executor, products: readonly SeedProduct[]): Promise<number> {
  const { count } = await sql`
    INSERT INTO products (id, name, stock, price, flash)
    SELECT * FROM unnest(${textArray(products.map(({ id }) => id))}::text[],
                         ${textArray(products.map(({ name }) => name))}::text[],
                         ${intArray(products.map(({ stock }) => stock))}::int[],
                         ${intArray(products.map(({ price }) => price))}::bigint[],
                         ${intArray(products.map(({ flash }) => Number(flash)))}::int[]::bool[])
    ON CONFLICT (id) DO NOTHING`;
  return count;
}
